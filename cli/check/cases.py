"""Checked commits and patches as cases, for the formats of other tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from mmuproof.cli.check.findings import Checked, CheckedStep
from mmuproof.cli.check.turning import Turn
from mmuproof.cli.diff.claims import CommitClaim
from mmuproof.cli.formats.cases import Ending, JudgedCase, JudgedRun, Rule
from mmuproof.cli.formats.places import root_of
from mmuproof.cli.prove.cases import result_case, rules_of
from mmuproof.proofs.theorem import Theorem

_CLAIM = Rule("no-functional-change", "A commit that says that it changes no function's behaviour changes none.")
_COMMIT = Rule("commit", "A commit turns no theorem for the worse.")
_OUTCOMES = {CommitClaim.STANDS: Ending.PASSED, CommitClaim.BROKEN: Ending.WRONG, CommitClaim.OPEN: Ending.OPEN}


def checked_run(report: Checked, theorems: Sequence[Theorem]) -> JudgedRun:
    """A run of `mmuproof check`: a commit is a group, with what it turns.

    Args:
        report: what it has found.
        theorems: those that were asked.
    """
    rules = rules_of(theorems)
    return JudgedRun(
        command="check",
        subject=report.source,
        root=root_of(report.source),
        cases=tuple(case for step in report.steps for case in _step(step, rules)),
        seconds=report.seconds,
    )


def _step(step: CheckedStep, rules: Mapping[str, Rule]) -> Iterator[JudgedCase]:
    group = f"{step.name} {step.subject}".rstrip()
    yield JudgedCase(
        rule=_COMMIT,
        group=group,
        name=step.subject or step.name,
        verdict="read" if step.is_read else "not read",
        outcome=Ending.PASSED if step.is_read else Ending.SKIPPED,
        text="" if step.is_read else "changes nothing that is read",
        seconds=step.seconds,
    )
    if step.claim is not CommitClaim.NONE:
        yield JudgedCase(
            rule=_CLAIM,
            group=group,
            name=f"no functional change: {step.subject or step.name}",
            verdict=step.claim.value,
            outcome=_OUTCOMES[step.claim],
            text=f"{group}: its claim of no functional change: {step.claim.value}",
            at=next((each.new_at or each.old_at for each in step.judgements if not each.is_equal), ""),
        )
    yield from (_turn(each, group, rules) for each in step.new)


def _turn(turn: Turn, group: str, rules: Mapping[str, Rule]) -> JudgedCase:
    """A theorem with another result than before; what is better than before is as it is to be."""
    outcome = Ending.WRONG if turn.is_worse else Ending.OPEN if turn.is_open else Ending.PASSED
    before = turn.before.verdict.value
    # How to see it again would be told of the tree as it is now, not as it was after the commit.
    case = result_case(turn.after, rules, None)
    return replace(case, group=group, outcome=outcome, details=(f"Before {group}: {before}.", *case.details))
