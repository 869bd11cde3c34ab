"""Which theorems speak of which lines of which function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mmuproof.cli.coverage.reasons import REASONS, Uncounted
from mmuproof.cli.coverage.speaking import Spoken
from mmuproof.model.lifted.functions import KernelFunction


@dataclass(frozen=True, kw_only=True)
class Covered:
    """A function, and who speaks of it.

    Args:
        function: the function.
        by: the lines that each theorem speaks of, by its name.
        cut_by: the theorems for which it was called and not followed.
        uncounted: why its lines do not count, if they do not.
    """

    function: KernelFunction
    by: Mapping[str, frozenset[int]]
    cut_by: tuple[str, ...]
    uncounted: Uncounted | None

    @cached_property
    def spoken(self) -> frozenset[int]:
        """The lines that a theorem speaks of."""
        return frozenset().union(*self.by.values())

    @property
    def unspoken(self) -> tuple[tuple[int, int], ...]:
        """The lines that none speaks of, from the first to the last of each stretch."""
        stretches: list[tuple[int, int]] = []
        goes_on = False
        for line in sorted(self.function.lines):
            if line in self.spoken:
                goes_on = False
                continue
            stretches[len(stretches) - goes_on :] = [(stretches[-1][0] if goes_on else line, line)]
            goes_on = True
        return tuple(stretches)


@dataclass(frozen=True)
class Lines:
    """How many lines count, and of how many of them a theorem speaks; what does not count has a reason."""

    counted: int
    spoken: int
    uncounted: int

    @property
    def share(self) -> str:
        """The part that is spoken of, in words."""
        return f"{100 * self.spoken / self.counted:.1f} %" if self.counted else "none to speak of"


def lines_of(functions: Iterable[Covered]) -> Lines:
    """The lines of some functions; what stands on one line in several counts once."""
    counted, spoken, uncounted = set[tuple[str, int]](), set[tuple[str, int]](), set[tuple[str, int]]()
    for each in functions:
        file = each.function.file
        if each.uncounted is not None:
            uncounted |= {(file, line) for line in each.function.lines}
            continue
        counted |= {(file, line) for line in each.function.lines}
        spoken |= {(file, line) for line in each.spoken}
    return Lines(len(counted), len(spoken), len(uncounted - counted))


def measured(functions: Sequence[KernelFunction], spoken: Sequence[Spoken]) -> tuple[Covered, ...]:
    """The functions of the MMU, those that call them, and those that a theorem speaks of."""
    why = {name: reason for reason, names in REASONS.items() for name in names}
    by_file: dict[str, dict[str, set[int]]] = {}
    for each in spoken:
        for place in each.places:
            by_file.setdefault(place.file, {}).setdefault(each.theorem, set()).add(place.line)
    found = []
    for function in functions:
        here = by_file.get(function.file, {})
        lines = {each.theorem: function.lines & here.get(each.theorem, set()) for each in spoken}
        covered = Covered(
            function=function,
            by={name: some for name, some in lines.items() if some},
            cut_by=tuple(each.theorem for each in spoken if not each.cuts.isdisjoint(function.names)),
            uncounted=next((why[name] for name in (function.name, *function.names) if name in why), None),
        )
        if function.of_mmu or function.calls_mmu or covered.by:
            found.append(covered)
    return tuple(found)


def reasons_without_function(functions: Iterable[KernelFunction]) -> tuple[str, ...]:
    """The functions that have a reason not to count and that a tree lacks."""
    known = {name for each in functions for name in (each.name, *each.names)}
    return tuple(name for names in REASONS.values() for name in names if name not in known)
