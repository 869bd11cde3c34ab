"""What a page shows of a comparison besides its cases: in which bits the two versions differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mmuproof.cli.formats.cases import CaseKey, JudgedCase
from mmuproof.cli.numbers.layout import two_numbers
from mmuproof.cli.pictures.bits import difference_figure, number_figure
from mmuproof.cli.shared.drawing import Figure


def difference_figures(case: JudgedCase) -> tuple[Figure, ...]:
    """The numbers that both versions show, bit by bit, if it is numbers of several bits that they show."""
    numbers = two_numbers([side.shows for side in case.sides])
    return () if numbers is None else (difference_figure(*numbers),)


def figures_of(findings: Iterable[JudgedCase]) -> Mapping[CaseKey, tuple[Figure, ...]]:
    """The same for each finding that has such numbers, and what the numbers of counterexamples say, by its key."""
    return {each.key: figures for each in findings if (figures := difference_figures(each) or _numbers(each))}


def _numbers(case: JudgedCase) -> tuple[Figure, ...]:
    return () if case.told is None else tuple(number_figure(one) for one in case.told.inputs if one.decoded is not None)
