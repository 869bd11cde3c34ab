"""Compared functions, and commits with what they claim, as cases for the formats of other tools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mmuproof.cli.diff.changes import Difference, Judgement
from mmuproof.cli.diff.claims import CommitClaim
from mmuproof.cli.diff.commits import ComparedCommit, ComparedSeries
from mmuproof.cli.diff.report import print_witness, remark
from mmuproof.cli.formats.cases import CaseSide, Ending, JudgedCase, JudgedRun, Rule
from mmuproof.cli.formats.places import root_of
from mmuproof.cli.shared.console import few, printed
from mmuproof.compare.claims import Change

_SAYS = {
    Change.EQUAL: "Both versions of a function show the same for all inputs.",
    Change.EQUAL_IF: "Both versions of a function show the same, but only under a condition.",
    Change.MORE: "The new version of a function allows what the old one does not.",
    Change.LESS: "The new version of a function no longer allows what the old one does.",
    Change.DIFFERS: "The new version of a function shows something else than the old one for some input.",
    Change.UNKNOWN: "The solver's budget ran out before two versions of a function were compared.",
    Change.NOT_COMPARED: "A version of a function could not be understood.",
}
_OUTSIDE = "not looked at"
_CLAIM = Rule("no-functional-change", "A commit that says that it changes no function's behaviour changes none.")
_COMMIT = Rule("commit", "A commit of the series.")
_CLAIM_OUTCOMES = {CommitClaim.STANDS: Ending.PASSED, CommitClaim.BROKEN: Ending.WRONG, CommitClaim.OPEN: Ending.OPEN}
_SHOWS = {
    Change.EQUAL_IF: "is equal to what it was only under a condition",
    Change.MORE: "allows more than before",
    Change.LESS: "allows less than before",
    Change.DIFFERS: "shows something else than before",
    Change.UNKNOWN: "could not be compared within the budget",
    Change.NOT_COMPARED: "could not be compared",
}
_MOST = 3
_NOT_LOOKED_AT = Rule("other-file", "A file of KVM's has changed, and its functions were not compared.")


def difference_run(report: Difference) -> JudgedRun:
    """A run of `mmuproof diff`."""
    return JudgedRun(
        command="diff",
        subject=f"{report.old.named} to {report.new.named}",
        root=root_of(report.new.source),
        cases=(*(judgement_case(each) for each in report.judgements), *map(outside_case, report.outside)),
        seconds=report.seconds,
        notes=report.notes,
    )


def judgement_case(each: Judgement) -> JudgedCase:
    """What has become of one function."""
    at, witness = each.new_at or each.old_at, each.witness
    says = remark(each)
    # The first line is the verdict and the function's name.
    lines = () if witness is None else printed(lambda output: print_witness(output, each, witness))[1:]
    return JudgedCase(
        rule=Rule(each.change.value.replace(" ", "-"), _SAYS[each.change]),
        group=at.rpartition(":")[0] or "functions",
        name=each.function,
        variant=each.masks,
        verdict=each.change.value,
        outcome=_outcome(each),
        text=f"{each.function}() {each.change.value}{f': {says}' if says else ''}",
        details=tuple(line.removeprefix("  ") for line in lines if line),
        at=at,
        function=each.function,
        steps=() if witness is None else witness.new_steps,
        sides=()
        if witness is None
        else (
            CaseSide(title="old", shows=witness.old, steps=witness.old_steps, at=each.old_at, reads=witness.old_reads),
            CaseSide(title="new", shows=witness.new, steps=witness.new_steps, at=each.new_at, reads=witness.new_reads),
        ),
        seconds=each.seconds,
        marks=each.differs_in or ((each.condition,) if each.condition else ()),
    )


def _outcome(each: Judgement) -> Ending:
    if each.change in (Change.UNKNOWN, Change.NOT_COMPARED):
        return Ending.OPEN
    return Ending.PASSED if each.is_equal else Ending.WRONG


def outside_case(file: str) -> JudgedCase:
    """A file that has changed and whose functions were not compared."""
    return JudgedCase(
        rule=_NOT_LOOKED_AT,
        group="other files",
        name=file,
        verdict=_OUTSIDE,
        outcome=Ending.OPEN,
        text=f"{file} has changed and was not looked at",
        at=file,
    )


# -- commits -------------------------------------------------------------------------------------------


def series_run(report: ComparedSeries) -> JudgedRun:
    """A run of `mmuproof diff --series`: a commit is a group, with the functions that it changes.

    As for the exit status, a function counts only as far as its commit claims to change none.
    """
    return JudgedRun(
        command="diff",
        subject=f"{report.repository}, {report.series}",
        root=root_of(report.repository),
        cases=tuple(case for each in report.commits for case in _of_commit(each)),
        seconds=report.seconds,
    )


def _of_commit(compared: ComparedCommit) -> Iterator[JudgedCase]:
    commit, found = compared.commit, compared.found
    group = f"{commit.short_id} {commit.subject}"
    yield commit_case(group, commit.subject, is_read=bool(commit.changed), seconds=compared.seconds)
    judgements, outside = ((), ()) if found is None else (found.judgements, found.outside)
    if compared.claim is not CommitClaim.NONE:
        claim = claim_case(group, commit.subject, compared.claim, judgements, outside)
        yield replace(claim, lines=compared.lines, former_lines=compared.former_lines)
    for each in judgements:
        yield replace(
            judgement_case(each), group=group, outcome=Ending.PASSED if each.is_decided else Ending.SKIPPED, seconds=0.0
        )


def commit_case(group: str, subject: str, *, is_read: bool, seconds: float) -> JudgedCase:
    """That a commit or patch was looked at.

    Args:
        group: the commit, as it is named.
        subject: the first line of its message.
        is_read: whether it changes anything that is read.
        seconds: how long it took.
    """
    return JudgedCase(
        rule=_COMMIT,
        group=group,
        name=subject or group,
        verdict="read" if is_read else "not read",
        outcome=Ending.PASSED if is_read else Ending.SKIPPED,
        text="" if is_read else "changes nothing that is read",
        seconds=seconds,
    )


def claim_case(
    group: str, subject: str, claim: CommitClaim, judgements: Sequence[Judgement], outside: Sequence[str]
) -> JudgedCase:
    """What becomes of a commit's claim of no functional change, told by the function that shows it best.

    Args:
        group: the commit, as it is named.
        subject: the first line of its message.
        claim: what becomes of its claim.
        judgements: what becomes of the functions that it changes.
        outside: files of KVM's that it changes and whose functions were not compared.
    """
    against = [each for each in judgements if not each.is_equal and each.is_decided is (claim is CommitClaim.BROKEN)]
    # What has an input to show is understood soonest.
    against.sort(key=lambda each: each.witness is None)
    shown = judgement_case(against[0]) if against and claim is not CommitClaim.STANDS else None
    told = [f"{each.function}() {_SHOWS[each.change]}{f' ({each.masks})' if each.masks else ''}" for each in against]
    told += [f"{each} was not looked at" for each in outside if claim is CommitClaim.OPEN]
    return JudgedCase(
        rule=_CLAIM,
        group=group,
        name=f"no functional change: {subject or group}",
        verdict=claim.value,
        outcome=_CLAIM_OUTCOMES[claim],
        text=f"{group} claims no functional change, but {few(told, _MOST)}."
        if told
        else f"{group}: its claim of no functional change: {claim.value}",
        details=shown.details if shown is not None else (),
        at=shown.at if shown is not None else next(iter(outside), "") if claim is CommitClaim.OPEN else "",
        function=shown.function if shown is not None else "",
        steps=shown.steps if shown is not None else (),
        sides=shown.sides if shown is not None else (),
        marks=tuple(told),
    )


def witness_places(judgements: Sequence[Judgement]) -> Iterator[str]:
    """The places in the new version of which witnesses speak, and where functions are that are not equal."""
    for each in judgements:
        if not each.is_equal:
            yield each.new_at or each.old_at
            yield from (step.at for step in (each.witness.new_steps if each.witness is not None else ()))


def former_places(judgements: Sequence[Judgement]) -> Iterator[str]:
    """The same in the old version."""
    for each in judgements:
        if not each.is_equal:
            yield each.old_at
            yield from (step.at for step in (each.witness.old_steps if each.witness is not None else ()))
