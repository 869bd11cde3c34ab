"""Checked commits and patches as cases, for the formats of other tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from mmuproof.cli.check.findings import Checked, CheckedStep
from mmuproof.cli.check.turning import Turn
from mmuproof.cli.diff.cases import claim_case, commit_case
from mmuproof.cli.diff.claims import CommitClaim
from mmuproof.cli.formats.cases import Ending, JudgedCase, JudgedRun, Rule
from mmuproof.cli.formats.places import root_of
from mmuproof.cli.prove.cases import result_case, rules_of
from mmuproof.proofs.theorem import Theorem


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
    cases = [commit_case(group, step.subject, is_read=step.is_read, seconds=step.seconds)]
    if step.unusable:
        cases = [replace(each, verdict="not judged", outcome=Ending.OPEN, text=step.unusable) for each in cases]
    elif step.claim is not CommitClaim.NONE:
        cases.append(claim_case(group, step.subject, step.claim, step.judgements, step.outside))
    cases += [_turn(each, group, rules) for each in step.new]
    # The tree of a commit is gone when a report is written.
    return (replace(each, lines=step.lines, former_lines=step.former_lines) for each in cases)


def _turn(turn: Turn, group: str, rules: Mapping[str, Rule]) -> JudgedCase:
    """A theorem with another result than before; what is better than before is as it is to be."""
    outcome = Ending.WRONG if turn.is_worse else Ending.OPEN if turn.is_open else Ending.PASSED
    before = turn.before.verdict.value
    # How to see it again would be told of the tree as it is now, not as it was after the commit.
    case = result_case(turn.after, rules, None)
    return replace(case, group=group, outcome=outcome, details=(f"Before {group}: {before}.", *case.details))
