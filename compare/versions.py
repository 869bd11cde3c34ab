"""A version of KVM's MMU, to be compared with another: its functions, wherever they stand, and what they say."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mmuproof.compare.encodings import CONSTANTS, Bits, Kind, kinds_of
from mmuproof.compare.mask_setup import masks_after_setup
from mmuproof.compare.renamed_functions import find_again, tokens
from mmuproof.lift.errors import LiftError
from mmuproof.lift.parsing.printed import Printed
from mmuproof.lift.parsing.unit import Unit
from mmuproof.lift.syntax import Function
from mmuproof.model.lifted.unit_paths import SPTE_C
from mmuproof.smt.terms import BitVec

_NUMBER = re.compile(r"(?<![\w.])(?:0x[0-9a-fA-F]+|[1-9]\d*)")
_LARGEST = 60
"""How many statements a function may run and still be followed where it is called; larger ones stand by themselves."""


class Version:
    """One version.

    Args:
        printed: its translation units by path, those first in which a function is looked at that several have.
    """

    def __init__(self, printed: Mapping[str, Printed]) -> None:
        self._printed, self.paths = printed, tuple(printed)

    def unit(self, path: str) -> Unit:
        """A translation unit."""
        return self._printed[path].unit

    def printed(self, path: str) -> Printed:
        """What a translation unit says."""
        return self._printed[path]

    @cached_property
    def functions(self) -> Mapping[str, tuple[str, ...]]:
        """The functions of the MMU, with the units that have a body of them."""
        found: dict[str, list[str]] = {}
        for path in self.paths:
            for name in self.printed(path).functions:
                found.setdefault(name, []).append(path)
        return {name: tuple(paths) for name, paths in found.items()}

    def where(self, name: str) -> tuple[str, ...]:
        """The units that have a body of a function, of the MMU or not."""
        if name in self.functions:
            return self.functions[name]
        return tuple(path for path in self.paths if name in self.unit(path).definitions)

    def texts(self) -> Mapping[str, str]:
        """What each function of the MMU says."""
        return {name: self.printed(paths[0]).text(name) for name, paths in self.functions.items()}

    def definition(self, name: str) -> Function | None:
        """The definition of a function of the MMU; None if there is none, or if it is not understood."""
        if name not in self.functions:
            return None
        try:
            return self.unit(self.functions[name][0]).find_function(name)
        except LiftError:
            return None

    def too_large(self, path: str, function: str) -> frozenset[str]:
        """The functions that are too large to be followed where a function of a unit calls them."""
        printed = self.printed(path)
        return frozenset(name for name in printed.closure(function) if printed.weight(name) > _LARGEST)

    @cached_property
    def constants(self) -> Bits:
        """The constants by which bits are known."""
        unit = self.unit(self.paths[0])
        return Bits({name: value for name in CONSTANTS.names if (value := unit.constant(name)) is not None}, {})

    def bits(self, *, ept: bool) -> Bits:
        """The same with the masks as they are set up.

        Raises:
            NotThere: the version does not set masks up.
            Refused: it does so in a way that is not understood.
        """
        masks = masks_after_setup(self.unit(SPTE_C), ept=ept)
        return Bits(self.constants.constants, {name: each for name, each in masks.items() if isinstance(each, BitVec)})


@dataclass(frozen=True)
class Pair:
    """A function in both versions: its name and the unit in which it is looked at."""

    old: str
    new: str
    old_path: str
    new_path: str

    @property
    def name(self) -> str:
        """The name, and the former one if that is another."""
        return self.new if self.old == self.new else f"{self.new} (was {self.old})"


@dataclass(frozen=True)
class Pairing:
    """Which functions there are.

    Args:
        pairs: those in both versions.
        gone: those in the old version only.
        come: those in the new version only.
        notes: which have been found to be the same under another name.
    """

    pairs: tuple[Pair, ...]
    gone: tuple[str, ...]
    come: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def former_names(self) -> Mapping[str, str]:
        """What functions of the new version were called."""
        return {pair.new: pair.old for pair in self.pairs if pair.new != pair.old}


def pair_functions(old: Version, new: Version, given: Mapping[str, str], names: Sequence[str] = ()) -> Pairing:
    """Find the functions of the MMU in both versions: by name, and those that are left by what they say.

    Args:
        old: the old version.
        new: the new one.
        given: names in the new version, with what they were in the old one.
        names: functions that are looked at as well, whatever file they stand in.
    """
    former = {name: name for name in [*new.functions, *names] if old.where(name) and new.where(name)}
    former |= {name: given[name] for name in given if new.where(name) and old.where(given[name])}
    notes = []
    if old.functions.keys() - new.functions.keys() and new.functions.keys() - old.functions.keys():
        found = find_again(old.texts(), new.texts(), former)
        former |= found
        notes = [f"{name}() is what {other}() was" for name, other in found.items()]
    gone = [name for name in old.functions if name not in former.values() and name not in new.functions]
    come = [name for name in new.functions if name not in former]
    pairs = []
    for name, other in former.items():
        ours, theirs = old.where(other), new.where(name)
        both = next((path for path in ours if path in theirs), None)
        pairs.append(Pair(other, name, both or ours[0], both or theirs[0]))
    return Pairing(tuple(pairs), tuple(gone), tuple(come), tuple(notes))


def unchanged(old: Version, new: Version, pair: Pair, former: Mapping[str, str], moved: Collection[Kind] = ()) -> bool:
    """Whether a function, and all that it calls, says the same in both versions, but for names of functions and locals.

    Args:
        old: the old version.
        new: the new version.
        pair: the function.
        former: what functions of the new version were called.
        moved: the kinds of numbers whose bits are elsewhere; what looks at such a number is not the same because its
            text is.
    """
    before, after = old.printed(pair.old_path), new.printed(pair.new_path)
    called = {former.get(each, each): each for each in after.closure(pair.new)}
    return (
        not changed_directly(old, new, pair, former)
        and before.closure(pair.old) == called.keys()
        and all(_says_the_same(before, name, after, each, former) for name, each in called.items())
        and not (moved and _may_look([after.text(name) for name in (pair.new, *called.values())], moved))
    )


def _may_look(texts: Sequence[str], moved: Collection[Kind]) -> bool:
    """Whether functions have a number of some kinds, and one that could be some of its bits."""
    if not any(_NUMBER.search(text) for text in texts):
        return False
    words = {word for text in texts for word in tokens(text)}
    return any(not kinds_of(word).isdisjoint(moved) for word in words)


def changed_directly(old: Version, new: Version, pair: Pair, former: Mapping[str, str]) -> bool:
    """Whether a function itself, or a type, macro or variable that it uses, has changed; see `unchanged`."""
    before, after = old.printed(pair.old_path), new.printed(pair.new_path)
    return not _says_the_same(before, pair.old, after, pair.new, former)


def _says_the_same(before: Printed, old: str, after: Printed, new: str, former: Mapping[str, str]) -> bool:
    # Nearly always all is the same, and what variables are called need not be found out.
    return before.digest(old) == after.digest(new, former) or (
        before.digest(old, but_for_locals=True) == after.digest(new, former, but_for_locals=True)
    )


def renames_locals(old: Version, new: Version, pair: Pair, former: Mapping[str, str]) -> bool:
    """Whether a function says the same in both versions, and calls variables or parameters of its own otherwise."""
    before, after = old.printed(pair.old_path), new.printed(pair.new_path)
    if before.digest(pair.old) == after.digest(pair.new, former):
        return False
    return _says_the_same(before, pair.old, after, pair.new, former)


def other_starts(old: Version, new: Version, pair: Pair) -> Mapping[str, bool]:
    """The variables of one name that a function mentions and that begin with something else.

    Which is sure where both versions say it as a number; else it is only written otherwise.
    """
    before, after = old.printed(pair.old_path).starts(pair.old), new.printed(pair.new_path).starts(pair.new)
    numbers = {name: (_number(before[name]), _number(after[name])) for name in before if name in after}
    return {
        name: None not in both
        for name, both in numbers.items()
        if before[name] != after[name] and (None in both or both[0] != both[1])
    }


def _number(text: str) -> int | None:
    """What an initializer stands for if it is a plain number; nothing is 0."""
    plain = {"": 0, "false": 0, "true": 1, "NULL": 0}
    try:
        return plain[text] if text in plain else int(text.rstrip("uUlL"), 0)
    except ValueError:
        return None


def not_followed(old: Version, new: Version, pair: Pair, former: Mapping[str, str]) -> frozenset[str]:
    """The functions that are too large to be followed where this one calls them, in either version.

    One that there is in one version only, or that takes more or fewer parameters than before, is followed all the
    same: that it is called, and what it is given, says nothing that could be compared.

    Args:
        old: the old version.
        new: the new version.
        pair: the function that calls them.
        former: what functions of the new version were called.
    """
    large = old.too_large(pair.old_path, pair.old) | new.too_large(pair.new_path, pair.new)
    later = {other: name for name, other in former.items()}
    changed = set()
    for name in large:
        names = former.get(name, name), later.get(name, name)
        both = old.definition(names[0]), new.definition(names[1])
        taken = [None if each is None else len(each.parameters) for each in both]
        if taken[0] != taken[1]:
            changed |= {*names}
    return large - changed
