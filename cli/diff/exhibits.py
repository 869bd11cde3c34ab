"""What a page shows of a comparison besides its cases: in which bits the two versions differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mmuproof.cli.formats.cases import CaseKey, JudgedCase
from mmuproof.cli.formats.exhibits import Gallery
from mmuproof.cli.grids.layouts import VendorLayout, short_names
from mmuproof.cli.numbers.layout import two_numbers
from mmuproof.cli.pictures.bits import difference_figure, layouts_figure, numbers_of
from mmuproof.cli.shared.drawing import Figure
from mmuproof.cli.shared.results import KernelIdentity


def difference_figures(case: JudgedCase) -> tuple[Figure, ...]:
    """The numbers that both versions show, bit by bit, if it is numbers of several bits that they show."""
    numbers = two_numbers([side.shows for side in case.sides])
    return () if numbers is None else (difference_figure(*numbers),)


def layout_galleries(layouts: Sequence[VendorLayout], kernels: Sequence[KernelIdentity]) -> tuple[Gallery, ...]:
    """Where the bits of SPTEs have moved; nothing where they have not."""
    if not layouts:
        return ()
    names = short_names(kernels)
    says = "Where each bit of an SPTE is that maps a small page, by the manual and in both versions."
    return (Gallery("SPTEs", says, tuple(layouts_figure(each, names) for each in layouts)),)


def figures_of(findings: Iterable[JudgedCase]) -> Mapping[CaseKey, tuple[Figure, ...]]:
    """The same for each finding that has such numbers, and what the numbers of counterexamples say, by its key."""
    drawn = {each.key: difference_figures(each) if each.told is None else numbers_of(each.told) for each in findings}
    return {key: figures for key, figures in drawn.items() if figures}
