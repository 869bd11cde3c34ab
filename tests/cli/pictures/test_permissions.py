"""Pictures of permission tables: what the table has, cell by cell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mmuproof.cli.grids.permissions import AccessCells, TableCell, filled
from mmuproof.cli.pictures.permissions import permission_figure
from mmuproof.cli.shared.drawing import Look
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.permission.tables import PERMISSION_TABLES

NARROW = 342
KVM = ReferenceKvm()
THEOREM_BY_NAME = {each.name: each for each in THEOREMS}


@pytest.mark.parametrize("name", PERMISSION_TABLES)
def test_each_cell_has_a_box(name: str) -> None:
    table = filled(KVM, THEOREM_BY_NAME[name])
    figure = permission_figure(table)
    (drawing,) = figure.drawings
    assert drawing.width <= NARROW
    said = [box.says for box in drawing.boxes if box.says]
    assert len(said) == len(table.rows) * len(table.columns)
    assert figure.about == name
    assert "agree" in figure.title
    assert len(figure.rows) == len(table.rows)
    assert all(len(row) == len(figure.head) for row in figure.rows)


def test_a_difference_stands_out() -> None:
    table = filled(KVM, THEOREM_BY_NAME["permission.ept-mbec"])
    first, *rest = table.rows
    odd = AccessCells(first.says, (TableCell.ONLY_KVM_ALLOWS, *first.cells[1:]))
    figure = permission_figure(replace(table, rows=(odd, *rest)))
    (box,) = [each for each in figure.drawings[0].boxes if each.look is Look.WRONG]
    assert box.says == "data read, supervisor-mode address: allowed by KVM alone"
    assert "differ in 1 cell." in figure.title
    assert "K allowed by KVM alone" in figure.caption
