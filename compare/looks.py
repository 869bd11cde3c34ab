"""How what we ask a tree for looked in the released kernels: what carries a name over where no earlier tree is given.

``looks.json`` is made by ``make stated``. Of functions that mention a name it holds a digest of what each says without
it, parameters by their numbers: where one name stands in its place, and nothing else is other, that is what the name
was. A name that the release has already is never taken for another one.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from mmuproof.compare import made_macros
from mmuproof.compare.put_back import PutBack, apart
from mmuproof.compare.renamed_functions import tokens
from mmuproof.compare.renaming import Side, place_names
from mmuproof.lift.parsing.former_names import THE_SAME_NAMES, FormerNames
from mmuproof.lift.parsing.prototypes import Prototype
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.series import latest_before

FILE = "looks.json"
_WORD = re.compile(r"[A-Za-z_]\w*")
# A static call mentions its key, and a made-up name of the key's, beside its trampoline.
_STATIC_CALL = re.compile(r"\b(?:__UNIQUE_ID_addressable_)?__SCK__(\w+?)(?:_\d+)?\b")
# What macros make of the name that the text has.
_MADE = re.compile(r"__SCT__kvm_x86_(?:nested_)?|ept_")
_BYTES = 5
"""Of a digest: one of 10,000 new names in a hundred million is taken for one that was there."""
_FUNCTIONS = 4
"""How many functions are kept that mention a name: the shortest."""
_OF_A_MACRO = 80
"""How many words and signs a function has at most that may become a macro."""
_ROUNDS = 3
"""How often what has been found is used to find more."""


@dataclass(frozen=True, kw_only=True)
class ReleasedLooks:
    """What is known of a release.

    Args:
        names: digests of the names that its functions mention, and of macros that stand for what one of `macros` does.
        texts: of each name that we ask for, digests of the functions that mention it, without it.
        parameters: of functions whose parameters we name, their names in order, and a digest of the function without
            what it calls its own variables.
        macros: of each macro that we look up, a digest of what it stands for.
        unwritten: the names of `texts` that KVM's text does not have, since macros of others make them.
        prototypes: of short functions that we ask for, and of which no macro has the name, how they are declared.
    """

    names: Collection[str]
    texts: Mapping[str, Collection[str]]
    parameters: Mapping[str, tuple[Sequence[str], str]]
    macros: Mapping[str, str]
    unwritten: Collection[str]
    prototypes: Mapping[str, Prototype]

    @property
    def content(self) -> dict[str, Any]:
        """As it stands in the file."""
        names = b"".join(bytes.fromhex(each) for each in sorted(set(self.names)))
        return {
            "names": b64encode(names).decode(),
            "texts": {name: sorted(self.texts[name]) for name in sorted(self.texts)},
            "parameters": {name: [list(those), text] for name, (those, text) in sorted(self.parameters.items())},
            "macros": dict(sorted(self.macros.items())),
            "unwritten": sorted(self.unwritten),
            "prototypes": {name: each.content for name, each in sorted(self.prototypes.items())},
        }

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> ReleasedLooks:
        """What stands in the file."""
        names = b64decode(content["names"])
        return cls(
            names=frozenset(names[at : at + _BYTES].hex() for at in range(0, len(names), _BYTES)),
            texts=content["texts"],
            parameters={name: (those, text) for name, (those, text) in content["parameters"].items()},
            macros=content["macros"],
            unwritten=content["unwritten"],
            prototypes={name: Prototype.read(each) for name, each in content["prototypes"].items()},
        )

    def gone(self, words: Collection[str], macros: Collection[str] = ()) -> tuple[str, ...]:
        """The names that we ask for and this release has, of which a tree's text makes none, or macros of functions.

        Args:
            words: all words of that text.
            macros: the macros with arguments that it defines.
        """
        written = self.texts.keys() - set(self.unwritten)
        gone = {_MADE.sub("", name, count=1) for name in written if not _is_written(name, words)}
        return tuple(sorted(gone | (self.prototypes.keys() & set(macros))))

    def forms(self, units: Sequence[Unit], root: Path) -> PutBack:
        """Functions of this release that are macros in a tree.

        Args:
            units: the tree's units.
            root: the tree's folder.
        """
        side = Side(units)
        gone = self.prototypes.keys() - side.version.functions.keys() - side.without_body
        return PutBack(apart([*made_macros.as_functions(root, {name: self.prototypes[name] for name in gone})]))

    def renamed_constants(self, macros: Mapping[str, str]) -> Mapping[str, str]:
        """Macros of a tree that stand for what others stood for, each with the earlier name.

        Args:
            macros: what the tree's macros stand for.
        """
        gone = {self.macros[name]: name for name in sorted(self.macros.keys() - macros.keys(), reverse=True)}
        come = {name: _digest(body) for name, body in macros.items() if self._is_new(name)} if gone else {}
        alike = Counter(come.values())
        return {name: gone[body] for name, body in come.items() if body in gone and alike[body] == 1}

    def find(self, units: Sequence[Unit], given: FormerNames = THE_SAME_NAMES) -> FormerNames:
        """What a tree calls otherwise than this release.

        Args:
            units: the tree's units.
            given: what is known already, and goes before what is found.
        """
        side, found = Side(units), dict[str, str]()
        here = {name: _said(side, name) for name in side.version.functions}
        gone = self.texts.keys() - side.names_but_members
        come = {word for word in set().union(*here.values()) if _is_name(word) and self._is_new(word)}
        for _ in range(_ROUNDS):
            more = {
                name: former
                for name, former in self._more(here, gone - set(found.values()), come - found.keys(), found).items()
                # What a member is called still is gone only as the name of something else.
                if former not in side.names or name in side.names_but_members
            }
            if not more:
                break
            found |= more
        names = place_names(units, {name: former for name, former in found.items() if side.placed(name, former)})
        return names | FormerNames(parameters=dict(self._parameters(side, here, found))) | given

    def _more(
        self, here: Mapping[str, Sequence[str]], gone: Collection[str], come: AbstractSet[str], found: Mapping[str, str]
    ) -> dict[str, str]:
        """Names that are what others were, as far as functions say so in which all other names are known."""
        wanted = {digest: name for name in sorted(gone) for digest in self.texts[name]}
        votes: dict[str, Counter[str]] = {}
        for words in here.values():
            text = [found.get(each, each) for each in words]
            for name in come & set(words):
                former = wanted.get(_without(text, name))
                if former is not None:
                    votes.setdefault(former, Counter())[name] += 1
        more: dict[str, str] = {}
        for former, names in votes.items():
            (name, most), *others = names.most_common(2)
            if not others or others[0][1] < most:
                more.setdefault(name, former)
        return more

    def _is_new(self, name: str) -> bool:
        return _digest(name) not in self.names

    def _parameters(
        self, side: Side, here: Mapping[str, Sequence[str]], found: Mapping[str, str]
    ) -> Iterator[tuple[tuple[str, str], str]]:
        """Parameters of another name, where they are all that is other in a function."""
        for name in here:
            former, text = self.parameters.get(found.get(name, name), ((), ""))
            now = side.parameters(name) if former else ()
            if now == tuple(former):
                continue
            said = [found.get(each, each) for each in _said(side, name, side.locals(name))]
            if _without(said, found.get(name, name)) == text:
                yield from (((name, new), old) for new, old in zip(now, former, strict=True) if new != old)


@cache
def _content() -> Mapping[str, Mapping[str, Any]]:
    file = resources.files("mmuproof.compare").joinpath(FILE)
    content: Mapping[str, Mapping[str, Any]] = json.loads(file.read_text("utf-8"))
    return content


def looks_before(release: str) -> ReleasedLooks | None:
    """What is known of the last series that a release belongs to or comes after; None if it is before all."""
    series = latest_before(release, _content())
    return None if series is None else ReleasedLooks.read(_content()[series])


def looks_of(
    units: Sequence[Unit],
    wanted: Collection[str],
    macros: Mapping[str, str],
    words: Collection[str],
    with_arguments: Collection[str] = (),
) -> ReleasedLooks:
    """How a release looks.

    Args:
        units: its units.
        wanted: the names that we may ask for.
        macros: what its macros stand for.
        words: all words of its text.
        with_arguments: the macros with arguments that it defines.
    """
    side, told = Side(units), set[str]()
    texts: dict[str, list[tuple[int, str]]] = {}
    parameters: dict[str, tuple[Sequence[str], str]] = {}
    for function in side.version.functions:
        text, named = _said(side, function), side.parameters(function)
        told |= {function, *text}
        for name in set(text) & side.names & set(wanted):
            # What a function is called says more of it than what calls it.
            texts.setdefault(name, []).append((0 if name == function else len(text), _without(text, name)))
        if function in wanted and set(named) & set(wanted):
            parameters[function] = named, _without(_said(side, function, side.locals(function)), function)
    sought = {body for name, body in macros.items() if name in wanted}
    alike = {name for name, body in macros.items() if body in sought}
    return ReleasedLooks(
        names=[_digest(name) for name in (side.names & told) | alike],
        texts={name: [digest for _, digest in sorted(found)[:_FUNCTIONS]] for name, found in texts.items()},
        parameters=parameters,
        macros={name: _digest(body) for name, body in macros.items() if name in wanted},
        unwritten=[name for name in texts if not _is_written(name, words)],
        prototypes={
            name: side.prototype(name)
            for name in side.version.functions
            if name in wanted and name in words and name not in with_arguments
            if len(tokens(side.text(name))) <= _OF_A_MACRO
        },
    )


def _is_written(name: str, words: Collection[str]) -> bool:
    return name in words or _MADE.sub("", name, count=1) in words


def _is_name(token: str) -> bool:
    return _WORD.fullmatch(token) is not None


def _without(words: Sequence[str], name: str) -> str:
    return _digest(" ".join("" if each == name else each for each in words))


def _said(side: Side, function: str, variables: Sequence[str] = ()) -> Sequence[str]:
    """What a function says, its parameters by their numbers, and some of its variables after them."""
    words = tokens(_STATIC_CALL.sub(r"__SCT__\1", side.text(function)))
    numbers = {name: str(number) for number, name in enumerate((*side.parameters(function), *variables))}
    before = ("", "", *words)
    return [
        word if before[at + 1] == "." or before[at : at + 2] == ("-", ">") else numbers.get(word, word)
        for at, word in enumerate(words)
    ]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).digest()[:_BYTES].hex()
