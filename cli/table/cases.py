"""A permission table as cases, for the formats of other tools: a row is a case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmuproof.cli.formats.cases import Ending, JudgedCase, JudgedRun, Rule
from mmuproof.cli.formats.places import root_of
from mmuproof.cli.grids.permissions import AccessCells, FilledTable, TableCell
from mmuproof.cli.shared.results import KernelIdentity
from mmuproof.model.features import Feature
from mmuproof.proofs.theorem import Theorem

_ALONE = {TableCell.ONLY_KVM_ALLOWS: "KVM alone", TableCell.ONLY_MANUAL_ALLOWS: "the manual alone"}


def table_run(
    name: str, kernels: Sequence[KernelIdentity], seconds: float, cases: tuple[JudgedCase, ...] = ()
) -> JudgedRun:
    """A run of `mmuproof table`.

    Args:
        name: which table.
        kernels: of which kernels.
        seconds: how long it took.
        cases: what was judged; nothing where a table decides nothing.
    """
    (first, *_) = kernels
    root = root_of(first.source) if first.version is not None else ""
    subject = f"{name} of {' and '.join(each.judged for each in kernels)}"
    return JudgedRun(command="table", subject=subject, root=root, cases=cases, seconds=seconds, decides=bool(cases))


def table_cases(
    theorem: Theorem, table: FilledTable | None, lacking: Sequence[Feature], kernel: KernelIdentity
) -> tuple[JudgedCase, ...]:
    """The rows of a table, or that the kernel lacks what it is about."""
    if table is None:
        text = f"{kernel.judged} lacks {', '.join(each.value for each in lacking)}: no table"
        return (_case(theorem, "", "NOT_APPLICABLE", Ending.SKIPPED, text),)
    return tuple(_of_row(theorem, table, row) for row in table.rows)


def _of_row(theorem: Theorem, table: FilledTable, row: AccessCells) -> JudgedCase:
    marks = tuple(_differences(table, row))
    if not marks:
        return _case(theorem, row.says, "agrees", Ending.PASSED)
    return _case(theorem, row.says, "differs", Ending.WRONG, f"{'; '.join(marks)}.", row.at, marks)


def _differences(table: FilledTable, row: AccessCells) -> Iterator[str]:
    """Who alone allows the access, with which ACC_* bits."""
    for cell, who in _ALONE.items():
        columns = [access for access, each in zip(table.columns, row.cells, strict=True) if each is cell]
        names = ["|".join(name for bit, name in table.flags if access >> bit & 1) or "none" for access in columns]
        if names:
            yield f"{who} allows it with {', '.join(names)}"


def _case(
    theorem: Theorem,
    says: str,
    verdict: str,
    outcome: Ending,
    text: str = "",
    at: str = "",
    marks: tuple[str, ...] = (),
) -> JudgedCase:
    return JudgedCase(
        rule=Rule(theorem.name, theorem.claim, theorem.source),
        group=theorem.name.partition(".")[0],
        name=theorem.name,
        variant=says,
        verdict=verdict,
        outcome=outcome,
        text=text,
        at=at,
        marks=marks,
    )
