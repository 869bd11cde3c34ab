"""What `mmuproof check` prints: a few lines for each commit, as they can stand in a mail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mmuproof.cli.check.findings import Checked, CheckedStep, StepStatus
from mmuproof.cli.check.told import MOST_NAMES, Line, told_turns, why_no_function_is_equal, why_not_fine
from mmuproof.cli.diff.claims import CLAIM_STYLES, CommitClaim
from mmuproof.cli.diff.in_brief import in_brief
from mmuproof.cli.shared.console import Output, few
from mmuproof.cli.shared.results import Result
from mmuproof.cli.telling.results_file import counterexample_content, heading

_STYLES = {StepStatus.FINE: "green", StepStatus.WRONG: "bold red", StepStatus.OPEN: "yellow"}
_LINES = 15
"""No more lines are told of a commit, so that they can stand in a mail; with -v there may be more."""
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
    lines = [*_head(step), (f"  theorems: {_theorems(step)}",)]
    room = None if verbose else _LINES - 1 - len(lines) - step.is_kept
    for line in (*lines, *told_turns(step, room)):
        output.line(*line)


def _head(step: CheckedStep) -> Iterator[Line]:
    """What is told of its functions and of what it claims."""
    yield (f"  functions: {in_brief(step.judgements, step.come, step.gone, step.locals_renamed)}",)
    yield from why_no_function_is_equal(step)
    if step.outside:
        yield (f"  other files of KVM's: {few(step.outside, MOST_NAMES)}",)
    if step.claim is not CommitClaim.NONE:
        yield ("  no functional change: ", (step.claim.value, CLAIM_STYLES[step.claim]))


def _theorems(step: CheckedStep) -> str:
    if not step.theorems:
        return "none looks at what is changed"
    new = len(step.new)
    results = f"{step.theorems} result{'s' if step.theorems != 1 else ''}"
    stated = f"{results}, {len(step.turns)} with other claims than before"
    return f"{stated}, {new} with another verdict" if step.turns else f"{results}, all claims as before"


def _why(step: CheckedStep) -> str:
    return why_not_fine(step, *([step.claim.value] if step.claim in (CommitClaim.BROKEN, CommitClaim.OPEN) else []))


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
        "locals_renamed": list(step.locals_renamed),
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
