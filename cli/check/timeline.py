"""A series as a picture: the commits from left to right, and below each what it makes of the theorems that it turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmuproof.cli.check.findings import CheckedStep, StepStatus
from mmuproof.cli.shared.drawing import LETTER, Drawing, Figure, GridCell, Look, Sheet, Wording
from mmuproof.cli.shared.results import Result
from mmuproof.smt.obligation import Verdict

_CELL = 15
_NAME = 12 * LETTER + 8
"""How high a commit's short id stands, from below to above."""
_SIDE_BY_SIDE = 40
"""As many commits are drawn beside each other; the others stand below them."""
_STATUS = {StepStatus.FINE: Look.GOOD, StepStatus.WRONG: Look.WRONG, StepStatus.OPEN: Look.OPEN}


def timeline(steps: Sequence[CheckedStep]) -> Figure | None:
    """What becomes of each theorem that some commit turns; None if none does."""
    rows = {name: tuple(_verdicts(name, steps)) for name in dict.fromkeys(_names(steps))}
    if not rows:
        return None
    parts = [range(len(steps))[at : at + _SIDE_BY_SIDE] for at in range(0, len(steps), _SIDE_BY_SIDE)]
    return Figure(
        title=f"{len(steps)} commits, and the theorems that they turn",
        drawings=tuple(_drawing(steps, rows, part) for part in parts),
        caption="P is PROVED, R is REFUTED, and any other letter is a verdict that is neither. A letter stands where a "
        "commit turns the theorem. The first row says what becomes of the commit.",
        head=("theorem", *(each.name for each in steps)),
        rows=(
            ("", *(each.status.value for each in steps)),
            *((name, *(each.verdict.value for each, _ in row)) for name, row in rows.items()),
        ),
    )


def _names(steps: Sequence[CheckedStep]) -> Iterator[str]:
    return (_name(turn.after) for step in steps for turn in step.new)


def _name(result: Result) -> str:
    return f"{result.theorem} {result.vendor.value}"


def _verdicts(name: str, steps: Sequence[CheckedStep]) -> Iterator[tuple[Result, bool]]:
    """What a theorem says after each commit, and whether that is new."""
    turns = [next((each for each in step.new if _name(each.after) == name), None) for step in steps]
    now = next(each.before for each in turns if each is not None)
    for turn in turns:
        now = now if turn is None else turn.after
        yield now, turn is not None


def _look(result: Result) -> Look:
    if result.verdict is Verdict.REFUTED:
        return Look.KNOWN if result.known else Look.WRONG
    return Look.GOOD if result.verdict.green else Look.OPEN


def _drawing(steps: Sequence[CheckedStep], rows: dict[str, tuple[tuple[Result, bool], ...]], part: range) -> Drawing:
    left = max(map(len, rows)) * LETTER + 10
    sheet = Sheet(width=left + len(part) * _CELL + 2)
    here = [steps[number] for number in part]
    sheet.row(left, _CELL, _NAME, (GridCell(look=Look.FAINT, text=each.name, turned=True) for each in here))
    sheet.y += _NAME
    statuses = (
        GridCell(look=_STATUS[each.status], says=f"{each.name} {each.subject}: {each.status.value}") for each in here
    )
    sheet.row(left, _CELL, _CELL, statuses)
    sheet.y += _CELL + 5
    for name, row in rows.items():
        sheet.labels.append(Wording(x=left - 6, y=sheet.y + 11, text=name, at_end=True))
        verdicts = (
            GridCell(
                look=_look(result),
                text=result.verdict.value[0] if is_new else "",
                says=f"{name} after {step.name} {step.subject}: {result.verdict.value}",
            )
            for step, (result, is_new) in zip(here, (row[number] for number in part), strict=True)
        )
        sheet.row(left, _CELL, _CELL, verdicts)
        sheet.y += _CELL + 2
    turned = sum(row[number][1] for row in rows.values() for number in part)
    return sheet.drawing(f"From {here[0].name} to {here[-1].name}", f"{turned} results are turned.")
