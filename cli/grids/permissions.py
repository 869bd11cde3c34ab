"""A permission table: each cell by the manual and by KVM, each evaluated by itself."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mmuproof.model.kvm import Kvm
from mmuproof.proofs.permission.tables import PERMISSION_TABLES, AccessRow, Setting
from mmuproof.proofs.theorem import Theorem
from mmuproof.smt.dependence import bits_used
from mmuproof.smt.graph import evaluate, evaluate_all
from mmuproof.smt.terms import Bool, Term


class TableCell(enum.Enum):
    """What becomes of an access: what a table shows for it, and what that means."""

    BOTH_ALLOW = "+", "allowed by the manual and by KVM"
    BOTH_DENY = "-", "denied by both"
    ONLY_KVM_ALLOWS = "K", "allowed by KVM alone"
    ONLY_MANUAL_ALLOWS = "M", "allowed by the manual alone"
    NOT_ASSUMED = " ", "the theorem assumes that it does not happen"

    @property
    def mark(self) -> str:
        """The one letter that stands for it."""
        return self.value[0]

    @property
    def differs(self) -> bool:
        """Whether KVM and the manual disagree."""
        return self in (TableCell.ONLY_KVM_ALLOWS, TableCell.ONLY_MANUAL_ALLOWS)


@dataclass(frozen=True)
class AccessCells:
    """One access, with what becomes of it for each of the columns.

    ``at`` is where KVM's code comes to its answer, ``file:line``, where that is not the manual's; else empty.
    """

    says: str
    cells: tuple[TableCell, ...]
    at: str = ""


@dataclass(frozen=True, kw_only=True)
class FilledTable:
    """A permission table of one kernel.

    Args:
        theorem: the theorem whose table it is.
        flags: the names of the ACC_* bits by number.
        columns: the combinations of them.
        rows: the accesses.
    """

    theorem: Theorem
    flags: tuple[tuple[int, str], ...]
    columns: tuple[int, ...]
    rows: tuple[AccessCells, ...]

    @property
    def differs(self) -> bool:
        """Whether KVM and the manual disagree anywhere."""
        return any(cell.differs for row in self.rows for cell in row.cells)


def filled(kvm: Kvm, theorem: Theorem) -> FilledTable:
    """The table of a theorem, in one kernel.

    Raises:
        ValueError: a row cannot be made what it says.
    """
    table = PERMISSION_TABLES[theorem.name](kvm)
    (claim,) = theorem.state(kvm, theorem.vendors[0])
    assumed = [each.term for each in claim.case.assumptions]
    every = sum(1 << bit for bit, _ in table.flags)
    columns = [access for access in range(every + 1) if not access & ~every]
    judged = table.judged

    def cell(setting: Setting, access: int) -> TableCell:
        values = _values(((judged.inputs.pte_access, access), *setting))
        fault, allowed, *holds = evaluate_all([judged.fault, judged.allowed, *assumed], values)
        if not all(holds):
            return TableCell.NOT_ASSUMED
        if bool(allowed) is not bool(fault):
            return TableCell.BOTH_ALLOW if allowed else TableCell.BOTH_DENY
        return TableCell.ONLY_MANUAL_ALLOWS if allowed else TableCell.ONLY_KVM_ALLOWS

    def filled_row(row: AccessRow) -> AccessCells:
        cells = tuple(cell(row.setting, access) for access in columns)
        wrong = next((access for access, each in zip(columns, cells, strict=True) if each.differs), None)
        if wrong is None:
            return AccessCells(row.says, cells)
        values = _values(((judged.inputs.pte_access, wrong), *row.setting))
        happened = [step.at for step in claim.case.evidence.steps if evaluate(step.guard, values)]
        return AccessCells(row.says, cells, happened[-1] if happened else "")

    rows = tuple(map(filled_row, table.rows))
    happens = [
        place for place, _ in enumerate(columns) if any(row.cells[place] is not TableCell.NOT_ASSUMED for row in rows)
    ]
    if not all(any(cell is not TableCell.NOT_ASSUMED for cell in row.cells) for row in rows):
        raise ValueError(f"a row of the table of {theorem.name} contradicts what the theorem assumes")
    return FilledTable(
        theorem=theorem,
        flags=table.flags,
        columns=tuple(columns[place] for place in happens),
        rows=tuple(replace(row, cells=tuple(row.cells[place] for place in happens)) for row in rows),
    )


def _values(setting: Iterable[tuple[Term, int]]) -> dict[str, int]:
    """The variables by which some inputs have their values; each input is some bits of one variable.

    Raises:
        ValueError: an input is made otherwise.
    """
    settings: Sequence[tuple[Term, int]] = tuple(setting)
    values: dict[str, int] = {}
    for term, value in settings:
        for name, mask in bits_used(term).items():
            low = (mask & -mask).bit_length() - 1
            values[name] = values.get(name, 0) & ~mask | value << low & mask
    for term, value in settings:
        if evaluate(term, values) != value:
            raise ValueError(f"an input cannot be made {value}{' (a truth value)' if isinstance(term, Bool) else ''}")
    return values
