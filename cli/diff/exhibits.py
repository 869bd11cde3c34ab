"""What a page shows of a comparison besides its cases: in which bits the two versions differ."""

from __future__ import annotations

from mmuproof.cli.formats.cases import JudgedCase
from mmuproof.cli.numbers.layout import two_numbers
from mmuproof.cli.pictures.bits import difference_figure
from mmuproof.cli.shared.drawing import Figure


def difference_figures(case: JudgedCase) -> tuple[Figure, ...]:
    """The numbers that both versions show, bit by bit, if it is numbers of several bits that they show."""
    numbers = two_numbers([side.shows for side in case.sides])
    return () if numbers is None else (difference_figure(*numbers),)
