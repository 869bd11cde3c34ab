"""Tables, for a reader and for a machine."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.cli.grids.layouts import AccessBit, SpecialValue, VendorLayout
from mmuproof.cli.grids.permissions import FilledTable, TableCell
from mmuproof.cli.numbers.layout import span
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.results import KernelIdentity
from mmuproof.cli.telling.results_file import heading, kernel_content
from mmuproof.model.features import Feature
from mmuproof.proofs.theorem import Theorem

_GAP = "  "
_NONE = "."
_STYLES = {TableCell.BOTH_ALLOW: "green", TableCell.BOTH_DENY: "", TableCell.NOT_ASSUMED: ""}
_DIFFERENT = "bold red"


def print_permissions(output: Output, table: FilledTable, kernel: KernelIdentity) -> None:
    """Accesses by rows, the combinations of ACC_* by columns."""
    theorem = table.theorem
    output.line((theorem.name, "bold"), f"  {theorem.vendors[0].value}")
    output.line(f"  {theorem.claim}")
    output.line()
    width = max([len(row.says) for row in table.rows] + [len(name) + 4 for _, name in table.flags])
    for bit, name in table.flags:
        marks = "".join(f" {name[0] if access >> bit & 1 else _NONE}" for access in table.columns)
        output.line(f"  {f'ACC_{name}':<{width}} ", (marks, "dim"))
    for row in table.rows:
        cells = [(f" {cell.mark}", _DIFFERENT if cell.differs else _STYLES[cell]) for cell in row.cells]
        wrong = sum(cell.differs for cell in row.cells)
        output.line(f"  {row.says:<{width}} ", *cells, (f"   {wrong} differ" if wrong else "", _DIFFERENT))
    output.line()
    there = {cell for row in table.rows for cell in row.cells}
    for cell in TableCell:
        if cell in there:
            output.line(f"  {cell.mark if cell.mark.strip() else 'blank'}  {cell.value[1]}")
    wrong = sum(cell.differs for row in table.rows for cell in row.cells)
    told = (f"KVM and the manual differ in {wrong} cells", _DIFFERENT) if wrong else "KVM and the manual agree"
    output.line()
    output.line(told, f": {theorem.source} and {kernel.judged}.  All else that an access depends on is 0.")


def print_absence(output: Output, theorem: Theorem, lacking: Sequence[Feature], kernel: KernelIdentity) -> None:
    """That a kernel lacks what a table is about."""
    output.line(
        (theorem.name, "bold"), f"  {kernel.judged} lacks {', '.join(each.value for each in lacking)}: no table."
    )


def print_access(output: Output, bits: Sequence[AccessBit], kernel: KernelIdentity) -> None:
    """What each ACC_* bit becomes, by vendor."""
    rows = [["", *(vendor.value for vendor, _ in bits[0].becomes)]]
    for each in bits:
        for place in range(max(1, *(len(texts) for _, texts in each.becomes))):
            # What is always so, whatever the access, is nothing that the bit becomes.
            cells = [texts[place] if place < len(texts) else "" if place else "---" for _, texts in each.becomes]
            rows.append(["" if place else " = ".join(each.names), *cells])
    _print_columns(output, rows)
    output.line()
    output.line(f"What make_spte() of {kernel.judged} changes in the SPTE of a small page if the bit is clear.")


def print_layouts(
    output: Output, layouts: Sequence[VendorLayout], special: Sequence[SpecialValue], kernels: Sequence[KernelIdentity]
) -> None:
    """The layouts of SPTEs, kernel beside kernel; where kernels differ, the row is marked."""
    several = len(kernels) > 1
    names = [each.judged for each in kernels]
    for layout in layouts:
        output.line((layout.vendor.value, "bold"), f"  {layout.title}")
        rows = [["bits", "manual", *names]]
        rows += [
            [span(row.low, row.high), row.hardware, *(each or _NONE for each in row.kernels)] for row in layout.rows
        ]
        marks = [False, *(row.differs for row in layout.rows)]
        _print_columns(output, rows, marks if several else None)
        output.line()
    rows = [["", *names], *([row.name, *(_value(each) for each in row.values)] for row in special)]
    _print_columns(output, rows, [False, *(len(set(row.values)) > 1 for row in special)] if several else None)
    if several:
        output.line()
        output.line("* the kernels differ")


def _value(value: int | None) -> str:
    return "not defined" if value is None else f"{value:#x}"


def _print_columns(output: Output, rows: Sequence[Sequence[str]], marks: Sequence[bool] | None = None) -> None:
    """Rows under each other, in columns; a marked row begins with a star."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for place, row in enumerate(rows):
        text = _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        marked = marks is not None and marks[place]
        lead = "" if marks is None else "* " if marked else "  "
        output.line((f"  {lead}{text}", _DIFFERENT if marked else ""))


# -- for a machine --------------------------------------------------------------------------------------


def _content(name: str, kernels: Sequence[KernelIdentity], **more: object) -> dict[str, object]:
    return {**heading("table"), "table": name, "kernels": [kernel_content(each) for each in kernels], **more}


def permission_content(
    theorem: Theorem, table: FilledTable | None, lacking: Sequence[Feature], kernel: KernelIdentity
) -> dict[str, object]:
    """A permission table for the results file; no rows if the kernel lacks what it is about."""
    rows: list[object] = []
    if table is not None:
        rows = [
            {
                "access": row.says,
                "cells": [
                    {
                        "acc": [f"ACC_{name}" for bit, name in table.flags if access >> bit & 1],
                        "manual": cell in (TableCell.BOTH_ALLOW, TableCell.ONLY_MANUAL_ALLOWS),
                        "kvm": cell in (TableCell.BOTH_ALLOW, TableCell.ONLY_KVM_ALLOWS),
                    }
                    for access, cell in zip(table.columns, row.cells, strict=True)
                    if cell is not TableCell.NOT_ASSUMED
                ],
            }
            for row in table.rows
        ]
    return _content(theorem.name, [kernel], lacking=[each.value for each in lacking], rows=rows)


def access_content(bits: Sequence[AccessBit], kernel: KernelIdentity) -> dict[str, object]:
    """The table of ACC_* for the results file."""
    rows = [
        {"names": list(each.names), "becomes": {vendor.value: list(texts) for vendor, texts in each.becomes}}
        for each in bits
    ]
    return _content("acc", [kernel], rows=rows)


def layout_content(
    layouts: Sequence[VendorLayout], special: Sequence[SpecialValue], kernels: Sequence[KernelIdentity]
) -> dict[str, object]:
    """The layouts for the results file."""
    by_vendor = {
        layout.vendor.value: [
            {
                "low": row.low,
                "high": row.high,
                "manual": row.hardware or None,
                "kernels": [e or None for e in row.kernels],
            }
            for row in layout.rows
        ]
        for layout in layouts
    }
    values = {row.name: [None if each is None else f"{each:#x}" for each in row.values] for row in special}
    return _content("spte-layout", kernels, layouts=by_vendor, values=values)
