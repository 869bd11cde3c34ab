"""The pictures of a table, for a page."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.cli.formats.exhibits import Gallery
from mmuproof.cli.grids.layouts import AccessBit, SpecialValue, VendorLayout, short_names
from mmuproof.cli.grids.permissions import FilledTable
from mmuproof.cli.pictures.bits import access_figure, layout_figure, layouts_figure
from mmuproof.cli.pictures.permissions import permission_figure
from mmuproof.cli.shared.drawing import Figure
from mmuproof.cli.shared.results import KernelIdentity


def permission_gallery(table: FilledTable) -> Gallery:
    """A permission table."""
    says = (
        "What becomes of each access, found twice: by the manual, and by this kernel's own code. Accesses stand from "
        "above to below, combinations of ACC_* bits from left to right."
    )
    return Gallery("Permissions", says, (permission_figure(table),))


def access_gallery(bits: Sequence[AccessBit], layouts: Sequence[VendorLayout]) -> Gallery:
    """What the ACC_* bits become, and where that is in an SPTE."""
    vendors = [vendor.value for vendor, _ in bits[0].becomes]
    rows = tuple(
        (" = ".join(each.names), *("; ".join(texts) or "nothing" for _, texts in each.becomes)) for each in bits
    )
    told = Figure(title="What each ACC_* bit becomes", drawings=(), head=("ACC_*", *vendors), rows=rows)
    drawn = tuple(access_figure(layout, _changes(bits, layout)) for layout in layouts)
    says = "What make_spte() changes in the SPTE of a small page if a bit of the access is clear."
    return Gallery("ACC_*", says, (told, *drawn))


def _changes(bits: Sequence[AccessBit], layout: VendorLayout) -> dict[int, str]:
    return {
        bit: each.names[-1 if len(each.names) > 1 and layout.vendor.value == "intel" else 0]
        for each in bits
        for vendor, changed in each.changes
        if vendor is layout.vendor
        for bit in changed
    }


def layout_gallery(
    layouts: Sequence[VendorLayout], special: Sequence[SpecialValue], kernels: Sequence[KernelIdentity]
) -> Gallery:
    """The layouts of SPTEs, of one kernel or of several under each other, and the constants."""
    names = short_names(kernels)
    several = len(kernels) > 1
    drawn = tuple(layouts_figure(each, names) if several else layout_figure(each) for each in layouts)
    rows = tuple(
        (f"{row.name} *" if len(set(row.values)) > 1 else row.name, *map(_value, row.values)) for row in special
    )
    told = Figure(
        title="The values of constants",
        drawings=(),
        caption="The kernels differ where there is a star." if several else "",
        head=("constant", *names),
        rows=rows,
    )
    says = "Where each bit of an SPTE is that maps a page, by the manual and by "
    return Gallery("SPTEs", f"{says}{' and by '.join(each.judged for each in kernels)}.", (*drawn, told))


def _value(value: int | None) -> str:
    return "not defined" if value is None else f"{value:#x}"
