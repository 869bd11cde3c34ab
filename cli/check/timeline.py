"""A series as a picture: the commits from left to right, and below each what it makes of the theorems that it turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmuproof.cli.check.findings import CheckedStep, StepStatus
from mmuproof.cli.pictures.commits import CommitColumn, CommitMark, SeriesPicture
from mmuproof.cli.shared.drawing import Figure, Look
from mmuproof.cli.shared.results import Result
from mmuproof.smt.obligation import Verdict

_STATUS = {StepStatus.FINE: Look.GOOD, StepStatus.WRONG: Look.WRONG, StepStatus.OPEN: Look.OPEN}


def timeline(steps: Sequence[CheckedStep]) -> Figure | None:
    """What becomes of each theorem that some commit turns; None if none does."""
    rows = {name: tuple(_marks(name, steps)) for name in dict.fromkeys(_names(steps))}
    if not rows:
        return None
    return SeriesPicture(
        title=f"{len(steps)} commits, and the theorems that they turn",
        caption="P is PROVED, R is REFUTED, and any other letter is a verdict that is neither. A letter stands where a "
        "commit turns the theorem. The first row says what becomes of the commit.",
        what="theorem",
        columns=columns_of(steps),
        rows=rows,
        says="{} results are turned.",
    ).figure()


def columns_of(steps: Sequence[CheckedStep]) -> tuple[CommitColumn, ...]:
    """The commits, with what becomes of each."""
    return tuple(
        CommitColumn(name=each.name, subject=each.subject, status=each.status.value, look=_STATUS[each.status])
        for each in steps
    )


def _names(steps: Sequence[CheckedStep]) -> Iterator[str]:
    return (_name(turn.after) for step in steps for turn in step.new)


def _name(result: Result) -> str:
    return f"{result.theorem} {result.vendor.value}"


def _marks(name: str, steps: Sequence[CheckedStep]) -> Iterator[CommitMark]:
    """What a theorem says after each commit; with a letter where that is new."""
    turns = [next((each for each in step.new if _name(each.after) == name), None) for step in steps]
    now = next(each.before for each in turns if each is not None)
    for turn in turns:
        now = now if turn is None else turn.after
        verdict = now.verdict.value
        yield CommitMark(says=verdict, look=_look(now), letter="" if turn is None else verdict[0])


def _look(result: Result) -> Look:
    if result.verdict is Verdict.REFUTED:
        return Look.KNOWN if result.known else Look.WRONG
    return Look.GOOD if result.verdict.green else Look.OPEN
