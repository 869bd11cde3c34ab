"""A permission table as a picture: the combinations of ACC_* from left to right, the accesses from above to below."""

from __future__ import annotations

from mmuproof.cli.grids.permissions import FilledTable, TableCell
from mmuproof.cli.shared.drawing import LETTER, LINE, Figure, GridCell, Look, Sheet, Wording

_WIDE = 340
_HIGH = 15
_LOOKS = {
    TableCell.BOTH_ALLOW: Look.GOOD,
    TableCell.BOTH_DENY: Look.CLEAR,
    TableCell.ONLY_KVM_ALLOWS: Look.WRONG,
    TableCell.ONLY_MANUAL_ALLOWS: Look.WRONG,
    TableCell.NOT_ASSUMED: Look.FAINT,
}


def permission_figure(table: FilledTable) -> Figure:
    """The picture of a table, with the same in words."""
    titles = [f"ACC_{name}" for _, name in table.flags]
    left = max(map(len, titles)) * LETTER + 8
    cell = (_WIDE - left) / len(table.columns)
    longest = max(len(row.says) for row in table.rows) * LETTER + 4
    sheet = Sheet(width=max(_WIDE, longest) + 2)
    for (bit, name), title in zip(table.flags, titles, strict=True):
        sheet.labels.append(Wording(x=left - 6, y=sheet.y + 11, text=title, look=Look.KERNEL, at_end=True))
        has = (bool(access >> bit & 1) for access in table.columns)
        cells = (GridCell(look=Look.SET if each else Look.FAINT, text=name[0] if each else "") for each in has)
        sheet.row(left, cell, _HIGH, cells)
        sheet.y += _HIGH
    sheet.y += 6
    for row in table.rows:
        sheet.labels.append(Wording(x=2, y=sheet.y + LINE, text=row.says, look=Look.PLAIN))
        sheet.y += LINE + 4
        cells = (
            GridCell(look=_LOOKS[each], text=each.mark.strip(), says=f"{row.says}: {each.value[1]}")
            for each in row.cells
        )
        sheet.row(left, cell, _HIGH, cells)
        sheet.y += _HIGH
    wrong = sum(each.differs for row in table.rows for each in row.cells)
    outcome = "KVM and the manual agree in every cell."
    if wrong:
        outcome = f"KVM and the manual differ in {wrong} cell{'' if wrong == 1 else 's'}."
    there = [each for each in TableCell if any(each in row.cells for row in table.rows)]
    marks = ", ".join(f"{each.mark if each.mark.strip() else 'blank'} {each.value[1]}" for each in there)
    return Figure(
        title=f"{table.theorem.name}: {outcome}",
        drawings=(sheet.drawing(f"Table of {table.theorem.name}", outcome),),
        caption=f"{table.theorem.claim} {marks}. All else that an access depends on is 0. {table.theorem.source}.",
        head=("access", *("".join(n[0] for b, n in table.flags if a >> b & 1) or "none" for a in table.columns)),
        rows=tuple((row.says, *(each.mark.strip() for each in row.cells)) for row in table.rows),
        about=table.theorem.name,
    )
