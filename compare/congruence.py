"""Functions whose own text is the same and whose callees are equal: these are equal by congruence.

That asks nothing of what the text means, so it holds of functions that are not understood as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from mmuproof.compare.behaviours import SETTLED, Behaviour
from mmuproof.compare.versions import Pair, Pairing, Version, changed_directly, unchanged
from mmuproof.lift.c_types import CType, PointerType
from mmuproof.lift.errors import LiftError
from mmuproof.lift.syntax import Function

_OBJECT = re.compile(r"^(.*)->|^\*(.+)$")


def can_overlap(*runs: Behaviour) -> bool:
    """Whether what a function is given could overlap in a way that matters and that comparing it does not see.

    It cannot if the function looks at one object only. Nor can it if it neither writes nor calls anything, unless it
    compares pointers: what it reads of two objects was free, and so may be the same.
    """
    pointees: set[str] = set()
    variables: set[str] = set()
    for run in runs:
        pointees |= {each.name for each in run.function.parameters if isinstance(each.type, PointerType)}
        for name in (*run.variables, *run.written):
            path = name.partition(" after ")[0].removesuffix(" == NULL")
            found = _OBJECT.match(path)
            if found is not None:
                pointees.add(found[1] or found[2])
            elif "()" not in path and not path.startswith(SETTLED) and run.owner(path) != ("", path):
                variables.add(path.partition(".")[0].partition("[")[0])
    if any(run.calls or run.written for run in runs):
        return len(pointees | variables) > 1
    return len(pointees) > 1 and any(run.tells_apart for run in runs)


@dataclass(kw_only=True)
class Congruence:
    """What rests on functions that are equal.

    Args:
        old: the old version.
        new: the new version.
        pairing: the functions.
        equal: given a function of the new version that has been shown equal as it stands, for all inputs and under no
            relation, the calls in it that were not followed; None for every other function.
    """

    old: Version
    new: Version
    pairing: Pairing
    equal: Callable[[str], Collection[str] | None]
    _pairs: Mapping[str, Pair] = field(init=False)

    def __post_init__(self) -> None:
        self._pairs = {pair.new: pair for pair in self.pairing.pairs if pair.old == pair.new}

    def rests_on(self, pair: Pair) -> tuple[str, ...] | None:
        """The equal functions because of which a function is equal whose own text is the same; None if it may not be.

        Functions may call each other in a circle: what calls itself is then the same by induction on the depth of
        calls.
        """
        if pair.old != pair.new or changed_directly(self.old, self.new, pair, {}):
            return None
        rests: dict[str, None] = {}
        todo, seen = [pair.new], {pair.new}
        while todo:
            here = Pair(todo[0], todo.pop(0), pair.old_path, pair.new_path)
            needed = self._needed(here, rests)
            if needed is None:
                return None
            todo += [each for each in dict.fromkeys(needed) if each not in seen]
            seen.update(needed)
        return tuple(rests)

    def _needed(self, here: Pair, rests: dict[str, None]) -> list[str] | None:
        """Of which functions a function's equality needs that; None if it may not be equal."""
        if unchanged(self.old, self.new, here, {}):
            return []
        before, after = self.old.printed(here.old_path), self.new.printed(here.new_path)
        if not changed_directly(self.old, self.new, here, {}):
            called = after.calls(here.new)
            return sorted(called) if called == before.calls(here.new) else None
        if not self._is_what_was_judged(here) or not self._same_signature(here):
            return None
        not_followed = self.equal(here.new)
        if not_followed is None:
            return None
        rests[here.new] = None
        bodies = before.closure(here.old) | after.closure(here.new)
        if not all(
            each in after.closure(here.new) and each in before.closure(here.old)
            for each in not_followed
            if each in bodies
        ):
            return None
        return sorted(each for each in not_followed if each in bodies)

    def _is_what_was_judged(self, here: Pair) -> bool:
        """Whether what a unit has under a function's name is what has been judged under it."""
        judged = self._pairs.get(here.new)
        return judged is not None and all(_same(*each) for each in self._definitions(judged, here))

    def _definitions(self, judged: Pair, here: Pair) -> Iterator[tuple[Version, str, str, str]]:
        yield self.old, here.old, judged.old_path, here.old_path
        yield self.new, here.new, judged.new_path, here.new_path

    def _same_signature(self, pair: Pair) -> bool:
        """Whether callers give and get the same types."""
        try:
            before = self.old.unit(pair.old_path).find_function(pair.old)
            after = self.new.unit(pair.new_path).find_function(pair.new)
        except LiftError:
            return False
        return before is not None and after is not None and _signature(before) == _signature(after)


def _same(version: Version, name: str, path: str, other: str) -> bool:
    """Whether two units of a version have one function under a name: the same one, or the same text of one header."""
    if path == other:
        return True
    units = version.unit(path), version.unit(other)
    if any(name not in unit.definitions for unit in units) or units[0].file_of(name) != units[1].file_of(name):
        return False
    return version.printed(path).shared_digest(name) == version.printed(other).shared_digest(name)


def _signature(function: Function) -> tuple[str, ...]:
    # A truth value that is shown to be the same number as an int is used as that wherever it is used.
    result = "int" if _plain(function.result) == "_Bool" else _plain(function.result)
    return (*(_plain(each.type) for each in function.parameters), result)


def _plain(type_: CType) -> str:
    """A type's name; what a pointer leads to is the same with a qualifier or without."""
    name = f"{type_.target.name} *" if isinstance(type_, PointerType) else type_.name
    return " ".join(word for word in name.split() if word != "const")
