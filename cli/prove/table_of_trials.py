"""Which defects refute a theorem, for a reader and for a machine."""

from __future__ import annotations

from itertools import groupby

from mmuproof.cli.prove.trials import Trial, Trials
from mmuproof.cli.shared.console import Output
from mmuproof.cli.telling.results_file import heading, kernel_content
from mmuproof.smt.obligation import Verdict

_GREEN, _RED, _YELLOW = "green", "bold red", "yellow"
_DOES_NOT_FIT = "DOES NOT FIT"


def print_trials(output: Output, report: Trials, *, verbose: bool) -> None:
    """A table for each theorem: what its statement is about, what refutes it, and what is not known."""
    for theorem, group in groupby(report.trials, key=lambda each: each.theorem):
        trials = list(group)
        shown = [each for each in trials if verbose or not each.defect or each.stated is not None or _is_news(each)]
        output.line((theorem, "bold"))
        verdicts, defects, symptoms = (
            max(map(len, column)) for column in zip(*(_cells(each) for each in shown), strict=True)
        )
        for each in shown:
            verdict, defect, symptom = _cells(each)
            says, style = _remark(each)
            output.row(
                "  ",
                (verdict.ljust(verdicts), style),
                f"  {defect.ljust(defects)}  {symptom.ljust(symptoms)}  {says}",
                whole=verbose,
            )
        if len(shown) < len(trials):
            output.line(f"  {len(trials) - len(shown)} other defects do not refute it.")
        output.line()
    if report.unfit:
        output.line((f"{len(report.unfit)} defects could not be put in: ", _YELLOW), ", ".join(report.unfit))
    wrong, unknown = (sum(getattr(each, key) for each in report.trials) for key in ("is_wrong", "is_open"))
    outcome = "exactly the stated defects refute what says so"
    if wrong or unknown:
        parts = [f"{wrong} not as stated"] * bool(wrong) + [f"{unknown} not known"] * bool(unknown)
        outcome = ", ".join(parts)
    tried = len({each.defect for each in report.trials if each.defect}) - len(report.unfit)
    output.line(
        (outcome, _RED if wrong else _YELLOW if unknown else _GREEN),
        f"  of {tried} on {report.kernel.judged} in {report.seconds:.1f} s",
    )


def _is_news(trial: Trial) -> bool:
    """Whether a defect that the theorem does not state does something to it."""
    return trial.is_wrong or trial.is_open or (trial.verdict is Verdict.REFUTED and bool(trial.symptoms))


def _cells(trial: Trial) -> tuple[str, str, str]:
    verdict = _DOES_NOT_FIT if trial.verdict is None else trial.verdict.value
    return verdict, trial.defect or "(no defect)", ", ".join(trial.symptoms)


def _remark(trial: Trial) -> tuple[str, str]:
    """What is to be said of a row, and in which style its verdict is."""
    if trial.is_open:
        return trial.reason or "", _YELLOW
    if not trial.is_wrong:
        known = trial.reason or "" if trial.verdict in (None, Verdict.REFUTED, Verdict.NOT_APPLICABLE) else ""
        return ("as stated" if trial.stated is not None else known), _GREEN
    if trial.stated is None:
        return ("not stated" if trial.defect else "already without a defect"), _RED
    return f"stated as: {trial.stated}", _RED


def trials_content(report: Trials) -> dict[str, object]:
    """What the results file says."""
    return {
        **heading("prove", report.solvers),
        "kernel": kernel_content(report.kernel),
        "trials": [
            {
                "theorem": each.theorem,
                "defect": each.defect or None,
                "verdict": each.verdict and each.verdict.value,
                "symptoms": list(each.symptoms),
                "stated": each.stated,
                "as_stated": None if each.is_open else not each.is_wrong,
                "reason": each.reason,
            }
            for each in report.trials
        ],
    }
