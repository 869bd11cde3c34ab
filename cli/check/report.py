"""What `mmuproof check` prints: a few lines for each commit, as they can stand in a mail."""

from __future__ import annotations

from collections import Counter

from mmuproof.cli.check.findings import Checked, CheckedStep, StepStatus
from mmuproof.cli.check.turning import Turn
from mmuproof.cli.diff.claims import CLAIM_STYLES, CommitClaim
from mmuproof.cli.diff.in_brief import in_brief
from mmuproof.cli.shared.console import Output, few
from mmuproof.cli.shared.results import Result
from mmuproof.cli.telling.results_file import counterexample_content, heading

_STYLES = {StepStatus.FINE: "green", StepStatus.WRONG: "bold red", StepStatus.OPEN: "yellow"}
_MOST = 5
"""As many theorems are told of a commit with their counterexamples; with -v, all are."""
_MOST_NAMES = 4
_SCREEN = 8
"""With more commits than this, what is not fine about them has gone out of sight at the end."""


def print_step(output: Output, step: CheckedStep, *, verbose: bool) -> None:
    """A commit or patch."""
    output.line((step.status.value.ljust(5), _STYLES[step.status]), f"  {step.name}  {step.subject}".rstrip())
    if not step.is_read:
        output.line("  changes nothing that is read")
        return
    if step.unusable:
        output.line(f"  cannot be judged: {step.unusable}")
        return
    if step.is_kept:
        output.line("  as an earlier run has found it")
    output.line(f"  functions: {in_brief(step.judgements, step.come, step.gone)}")
    if step.outside:
        output.line(f"  other files of KVM's: {few(step.outside, _MOST_NAMES)}")
    if step.claim is not CommitClaim.NONE:
        output.line("  no functional change: ", (step.claim.value, CLAIM_STYLES[step.claim]))
    output.line(f"  theorems: {_theorems(step)}")
    worse = [each for each in step.new if each.is_worse or each.is_open]
    for turn in worse if verbose else worse[:_MOST]:
        _print_turn(output, turn)
    if len(worse) > _MOST and not verbose:
        output.line(f"    and {len(worse) - _MOST} more; -v tells all")
    better = [each for each in step.new if each not in worse]
    for turn in better if verbose else better[:_MOST]:
        output.line(f"    {turn.after.theorem} {turn.after.vendor.value}: {_verdicts(turn)}")


def _theorems(step: CheckedStep) -> str:
    if not step.theorems:
        return "none looks at what is changed"
    new = len(step.new)
    results = f"{step.theorems} result{'s' if step.theorems != 1 else ''}"
    stated = f"{results}, {len(step.turns)} with other claims than before"
    return f"{stated}, {new} with another verdict" if step.turns else f"{results}, all claims as before"


def _print_turn(output: Output, turn: Turn) -> None:
    after = turn.after
    style = "bold red" if turn.is_worse else "yellow"
    output.line("    ", (_verdicts(turn), style), f"  {after.theorem} {after.vendor.value}")
    told = after.counterexample
    if told is not None:
        at = f"  ({told.at})" if told.at else ""
        output.line(f"      {told.sentence}{at}")
    elif after.reason:
        output.line(f"      {after.reason}")


def _why(step: CheckedStep) -> str:
    """What is not fine about a commit, in a line."""
    turned = [f"{each.after.theorem} {each.after.vendor.value}" for each in step.new if each.is_worse or each.is_open]
    broken = [step.claim.value] if step.claim in (CommitClaim.BROKEN, CommitClaim.OPEN) else []
    return "; ".join([*filter(None, [step.unusable]), *broken, *([few(turned, _MOST_NAMES)] if turned else [])])


def _verdicts(turn: Turn) -> str:
    before, after = turn.before.verdict.value, turn.after.verdict.value
    return f"{before} -> {after}" if before != after else f"{after} in another way"


def print_totals(output: Output, report: Checked) -> None:
    """The last lines: of many commits first those that are not fine, once more."""
    counts = Counter(each.status for each in report.steps)
    if len(report.steps) > _SCREEN and len(report.steps) > counts[StepStatus.FINE] > 0:
        output.line()
        for step in report.steps:
            if step.status is not StepStatus.FINE:
                output.line((step.status.value.ljust(5), _STYLES[step.status]), f"  {step.name}  {step.subject}")
                output.line(f"         {_why(step)}")
    parts: list[str | tuple[str, str]] = []
    for status in StepStatus:
        if counts[status]:
            parts += [", " if parts else "", (f"{counts[status]} {status.value}", _STYLES[status])]
    output.line()
    output.line(*parts, f"  on {report.source} in {report.seconds:.1f} s")


def checked_content(report: Checked) -> dict[str, object]:
    """What the results file says."""
    return {
        **heading("check", report.solvers),
        "source": report.source,
        "steps": [_step(each) for each in report.steps],
    }


def _step(step: CheckedStep) -> dict[str, object]:
    return {
        "name": step.name,
        "subject": step.subject,
        "status": step.status.value,
        "read": step.is_read,
        "from_an_earlier_run": step.is_kept,
        "cannot_be_judged": step.unusable or None,
        "no_functional_change": step.claim.value or None,
        "functions": [
            {
                "name": each.function,
                "masks": each.masks,
                "change": each.change.value,
                "differs_in": list(each.differs_in),
            }
            for each in step.judgements
        ],
        "new_functions": list(step.come),
        "gone_functions": list(step.gone),
        "other_files": list(step.outside),
        "results": step.theorems,
        "turned": [
            {
                "theorem": each.after.theorem,
                "vendor": each.after.vendor.value,
                "before": _result(each.before),
                "after": _result(each.after),
            }
            for each in step.new
        ],
    }


def _result(result: Result) -> dict[str, object]:
    return {
        "verdict": result.verdict.value,
        "reason": result.reason,
        "counterexample": result.counterexample and counterexample_content(result.counterexample),
    }
