"""Functions that are a part of their caller now: asked for as functions whose body is what stands there instead.

The body is the tree's own text, with what the function was given put back into it by its parameters' names. So the
caller does what it would do with a call of that function in this place.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from mmuproof.compare.merged_sites import Caller, Line, Site, lines_of, sites_of
from mmuproof.compare.put_back import OtherForm, Stretch, file_text
from mmuproof.compare.renamed_functions import tokens
from mmuproof.lift.parsing.former_names import FormerNames
from mmuproof.lift.parsing.prototypes import Prototype

_MADE = "mmuproof_merged_"
_WORD = re.compile(r"(?<![\w.])(?<!->)[A-Za-z_]\w*")
_LEAVES = re.compile(r"\b(?:return|goto|break|continue|case|default)\b|^\s*\w+:\s*$", re.MULTILINE)
_CONSTANT = re.compile(r"\W*(?:true|false|NULL|\d\w*)\W*")
_DECLARED = re.compile(r"^\s*(?:\w+[\s*]+)+(\w+)(?: = |;|\[)", re.MULTILINE)
_PLAIN = re.compile(r"[A-Za-z_]\w*")
_ADDRESS = re.compile(r"[\w\s]+\*(?P<name>\w+) = &(?P<of>\w+)->[\w.]+;")

_Lines: TypeAlias = tuple[Caller, Sequence[Line], Sequence[Line]]


def as_functions(
    root: Path, gone: Mapping[str, Prototype], callers: Sequence[Caller], known: Collection[str]
) -> Iterator[OtherForm]:
    """Functions of an earlier tree that are a part of their callers in this one.

    Args:
        root: the tree's folder.
        gone: the functions of an earlier tree that this one lacks, as they were declared.
        callers: the functions that say something else than before.
        known: what has a name at file scope in this tree.
    """
    for name, function in sorted(gone.items()):
        printed = [(each, lines_of(each.before), lines_of(each.after)) for each in callers]
        found = _found(name, function, printed, known)
        if found is None:
            continue
        form = _form(root, name, function, found)
        sources = [(each, each.source.lines_before, each.source.lines_after) for each in callers if each.source]
        written = None if len(sources) < len(callers) else _found(name, function, sources, known)
        # What macros stand for is only in what clang prints.
        if written is not None and all(map(_can_be_called, (*found.sites, *written.sites))):
            form = _called(name, function, written, form)
        yield form


@dataclass(frozen=True, kw_only=True)
class _Merged:
    """What stands where a function was called.

    Args:
        sites: all places.
        site: one of them.
        body: what stands there, as the function's body.
    """

    sites: Sequence[Site]
    site: Site
    body: str


def _found(name: str, function: Prototype, callers: Sequence[_Lines], known: Collection[str]) -> _Merged | None:
    """What stands at all the places where a function was called; None if it is no function's body."""
    sites = [
        site
        for caller, before, after in callers
        for site in sites_of(name, caller, before, after)
        if len(site.given) == len(function.given)
    ]
    # Where a caller does something else, a function would not be what all of them do.
    if len(sites) != sum(len(re.findall(rf"\b{name}\(", line.text)) for _, before, _ in callers for line in before):
        return None
    bodies = ((site, body) for site in sites for body in _bodies(function, site, sites, known))
    return next((_Merged(sites=sites, site=site, body=body) for site, body in bodies), None)


def _form(root: Path, name: str, function: Prototype, found: _Merged) -> OtherForm:
    """A function that says what stands at a site, behind all else."""
    file, made = found.site.caller.file, f"{_MADE}{name}"
    place = len(file_text(root, file))
    caller = found.site.caller.name
    sentence = f"{name}() is a part of {caller}() now: it is asked as a function that says what stands there"
    return OtherForm(
        name=name,
        changes=(Stretch(file=file, start=place, end=place, text=f"\n{_defined(made, function, found.body)}"),),
        names=FormerNames(functions={made: name}, forms={name: sentence}),
        mark=made,
    )


def _called(name: str, function: Prototype, found: _Merged, otherwise: OtherForm) -> OtherForm:
    """The same before its callers, which call it again: what is not followed is a call, and not what it does."""
    file, made = found.site.caller.file, f"{_MADE}{name}"
    if any(site.caller.file != file for site in found.sites):
        return otherwise
    start = min(site.caller.source.place.start for site in found.sites if site.caller.source is not None)
    calls = [
        Stretch(file=file, start=site.start, end=site.end, text=f"{made}({', '.join(site.given)});")
        for site in found.sites
    ]
    callers = " and ".join(dict.fromkeys(f"{site.caller.name}()" for site in found.sites))
    sentence = f"{name}() is a part of {callers} now: what stands there is asked as a call of a function that says it"
    return OtherForm(
        name=name,
        changes=(Stretch(file=file, start=start, end=start, text=f"{_defined(made, function, found.body)}\n"), *calls),
        names=FormerNames(functions={made: name}, forms={name: sentence}),
        mark=made,
        otherwise=otherwise,
    )


def _defined(made: str, function: Prototype, body: str) -> str:
    return f"{function.text(made)}\n{{\n{body}\n}}\n"


def _can_be_called(site: Site) -> bool:
    """Whether statements mean the same as a call: what they are given stays as it is, and no directive is there."""
    changed = r"(?<![\w.>])(?:(?:\+\+|--|&){0}\b(?!->)|{0}\s*(?:[-+*/|&^%]|<<|>>)?=(?!=)|{0}\s*(?:\+\+|--))"
    return (
        site.is_statement
        and not re.search(r"^\s*#|\n\s*#", site.text)
        and all(_CONSTANT.fullmatch(each) or _PLAIN.fullmatch(each) for each in site.given)
        and not any(re.search(changed.format(each), site.text) for each in site.given if _PLAIN.fullmatch(each))
    )


def _bodies(function: Prototype, site: Site, sites: Sequence[Site], known: Collection[str]) -> Iterator[str]:
    """What stands at a site as the body of a function; none if it needs more of its caller."""
    text = site.text
    if _LEAVES.search(text) or text.count("{") != text.count("}") or text.count("(") != text.count(")"):
        return
    if site.is_statement is not function.gives_nothing or len(set(site.given)) != len(site.given):
        return
    declared = "".join(f"\t{each}\n" for each in _addresses(text, site.given, site.caller))
    for open_text in _with_places(declared + text, site, [each for each in sites if each is not site]):
        words = _WORD.findall(open_text)
        own = set(_DECLARED.findall(open_text))
        if own & set(known) or any(word in site.caller.variables and word not in own for word in words):
            continue
        body = _put_in(open_text, [f"({each.name})" for each in function.given])
        yield body if site.is_statement else f"\treturn {body};"


def _with_places(text: str, site: Site, others: Sequence[Site]) -> Iterator[str]:
    """A text with a place for each thing that was given: all that could be, and that the other sites bear out."""
    constants = []
    for number, each in sorted(enumerate(site.given), key=lambda item: -len(item[1])):
        if _CONSTANT.fullmatch(each):
            constants.append(number)
            continue
        text, count = re.subn(_as_it_stands(each), _place(number), text)
        if count == 0:
            return
    # What is a constant here says nothing of a function that is given something else, but for what others say.
    if any(all(other.given[number] == site.given[number] for other in others) for number in constants):
        return
    for open_text in _constants_opened(text, constants, site.given):
        if all(tokens(_put_in(open_text, each.given)) == tokens(each.text) for each in others):
            yield open_text


def _constants_opened(text: str, constants: Sequence[int], given: Sequence[str]) -> Iterator[str]:
    """A text with the place of each of some constants that were given where one of its like stands."""
    if not constants:
        yield text
        return
    number, *left = constants
    for found in re.finditer(_as_it_stands(given[number]), text):
        yield from _constants_opened(text[: found.start()] + _place(number) + text[found.end() :], left, given)


def _as_it_stands(given: str) -> str:
    return rf"(?<![\w.])(?<!->){re.escape(given)}(?!\w)"


def _place(number: int) -> str:
    return f"\0{number}\0"


def _put_in(text: str, given: Sequence[str]) -> str:
    """A text with something in each place."""
    return re.sub("\0(\\d+)\0", lambda place: given[int(place[1])], text)


def _addresses(text: str, given: Collection[str], caller: Caller) -> Iterator[str]:
    """The declarations of variables that are places in what is given, and nothing else ever."""
    for line in caller.after.split("\n"):
        found = _ADDRESS.fullmatch(line.strip())
        if found is None or found["of"] not in given or found["name"] not in _WORD.findall(text):
            continue
        others = caller.after.replace(line, "", 1)
        both = rf"(?:{found['name']}|{found['of']})"
        if not re.search(rf"(?<![\w.>]){both} (?:[-+*/|&^%]|<<|>>)?= |&{both}\b(?!->)|\+\+{both}|{both}\+\+", others):
            yield line.strip()
