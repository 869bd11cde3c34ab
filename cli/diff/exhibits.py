"""What a page shows of a comparison besides its cases: in which bits the two versions differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mmuproof.cli.formats.cases import CaseKey, JudgedCase
from mmuproof.cli.numbers.layout import two_numbers
from mmuproof.cli.pictures.bits import difference_figure, numbers_of
from mmuproof.cli.shared.drawing import Figure


def difference_figures(case: JudgedCase) -> tuple[Figure, ...]:
    """The numbers that both versions show, bit by bit, if it is numbers of several bits that they show."""
    numbers = two_numbers([side.shows for side in case.sides])
    return () if numbers is None else (difference_figure(*numbers),)


def figures_of(findings: Iterable[JudgedCase]) -> Mapping[CaseKey, tuple[Figure, ...]]:
    """The same for each finding that has such numbers, and what the numbers of counterexamples say, by its key."""
    drawn = {each.key: difference_figures(each) if each.told is None else numbers_of(each.told) for each in findings}
    return {key: figures for key, figures in drawn.items() if figures}
