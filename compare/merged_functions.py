"""Functions that are a part of their caller now: asked for as functions whose body is what stands there instead.

The body is the tree's own text, with what the function was given put back into it by its parameters' names. So the
caller does what it would do with a call of that function in this place.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from mmuproof.compare.put_back import OtherForm, Stretch, file_text
from mmuproof.compare.versions import tokens
from mmuproof.lift.parsing.former_names import FormerNames
from mmuproof.lift.parsing.prototypes import Prototype

_MADE = "mmuproof_merged_"
_WORD = re.compile(r"(?<![\w.])(?<!->)[A-Za-z_]\w*")
_LEAVES = re.compile(r"\b(?:return|goto|break|continue|case|default)\b|^\s*\w+:\s*$", re.MULTILINE)
_CONSTANT = re.compile(r"\W*(?:true|false|NULL|\d\w*)\W*")
_DECLARED = re.compile(r"^\s*(?:\w+[\s*]+)+(\w+)(?: = |;|\[)", re.MULTILINE)
_ADDRESS = re.compile(r"[\w\s]+\*(?P<name>\w+) = &(?P<of>\w+)->[\w.]+;")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A function that called others, before and now.

    Args:
        name: what it is called now.
        file: where it stands now.
        before: the earlier text, as clang prints it.
        after: the text now.
        variables: what it calls its parameters and variables now.
    """

    name: str
    file: str
    before: str
    after: str
    variables: Collection[str]


@dataclass(frozen=True, kw_only=True)
class _Site:
    """What stands where a function was called.

    Args:
        caller: where that is.
        given: what the function was given.
        text: what stands there now.
        is_statement: whether these are statements, and not an expression.
    """

    caller: Caller
    given: tuple[str, ...]
    text: str
    is_statement: bool


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
        sites = [site for each in callers for site in _sites(name, each) if len(site.given) == len(function.given)]
        # Where a caller does something else, a function would not be what all of them do.
        if len(sites) != sum(len(re.findall(rf"\b{name}\(", each.before)) for each in callers):
            continue
        bodies = ((site, body) for site in sites for body in _bodies(function, site, sites, known))
        found = next(bodies, None)
        if found is not None:
            yield _form(root, name, function, *found)


def _form(root: Path, name: str, function: Prototype, site: _Site, body: str) -> OtherForm:
    file, made = site.caller.file, f"{_MADE}{name}"
    place = len(file_text(root, file))
    sentence = f"{name}() is a part of {site.caller.name}() now: it is asked as a function that says what stands there"
    return OtherForm(
        name=name,
        changes=(Stretch(file=file, start=place, end=place, text=f"\n{function.text(made)}\n{{\n{body}\n}}\n"),),
        names=FormerNames(functions={made: name}, forms={name: sentence}),
        mark=made,
    )


def _sites(name: str, caller: Caller) -> Iterator[_Site]:
    """What stands now where a function called another, as far as lines tell."""
    # What stands in a header that is read several times, or in one at all, has no end to put a function at.
    if not caller.file.endswith(".c") or not re.search(rf"\b{name}\(", caller.before):
        return
    before, after = (
        [line.strip() for line in text.split("\n") if line.strip()] for text in (caller.before, caller.after)
    )
    for kind, start, end, other, last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "replace" or (end - start > 1 and end - start != last - other):
            continue
        pairs = [(before[start], after[other:last])]
        if end - start == last - other:
            pairs = [(before[start + at], [after[other + at]]) for at in range(end - start)]
        for line, lines in pairs:
            call = _call(line, name)
            if call is not None:
                yield from _site(caller, call, lines)


def _site(caller: Caller, call: tuple[str, Sequence[str], str], lines: Sequence[str]) -> Iterator[_Site]:
    ahead, given, behind = call
    if not ahead and behind == ";":
        text = "\n".join(f"\t{each}" for each in lines)
        yield _Site(caller=caller, given=tuple(given), text=text, is_statement=True)
    elif len(lines) == 1 and lines[0].startswith(ahead) and lines[0].endswith(behind):
        text = lines[0][len(ahead) : len(lines[0]) - len(behind)]
        yield _Site(caller=caller, given=tuple(given), text=text, is_statement=False)


def _call(line: str, name: str) -> tuple[str, Sequence[str], str] | None:
    """What stands before a call, what it is given, and what stands behind it, if a line has it once."""
    (*found,) = re.finditer(rf"\b{name}\(", line)
    if len(found) != 1:
        return None
    depth, given, start = 1, list[str](), found[0].end()
    for at in range(found[0].end(), len(line)):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(line[at], 0)
        if depth == 0 or (depth == 1 and line[at] == ","):
            given.append(line[start:at].strip())
            start = at + 1
        if depth == 0:
            return line[: found[0].start()], [each for each in given if each], line[at + 1 :]
    return None


def _bodies(function: Prototype, site: _Site, sites: Sequence[_Site], known: Collection[str]) -> Iterator[str]:
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


def _with_places(text: str, site: _Site, others: Sequence[_Site]) -> Iterator[str]:
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
