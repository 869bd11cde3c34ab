"""Results of theorems as cases, for the formats of other tools."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mmuproof.cli.formats.cases import Ending, JudgedCase, JudgedRun, Rule
from mmuproof.cli.formats.places import root_of
from mmuproof.cli.shared.console import printed
from mmuproof.cli.shared.results import KernelIdentity, Report, Result
from mmuproof.cli.telling.report import command_for, expected_text, known_text, part_of, print_way
from mmuproof.smt.obligation import Verdict

if TYPE_CHECKING:
    from mmuproof.cli.prove.trials import Trial, Trials
    from mmuproof.proofs.theorem import Theorem

_PLACE = re.compile(r"(?:^|: )(?P<at>[\w./-]+\.[chS]:\d+)\b")
_INDENT = re.compile(r"^  ")


def report_run(report: Report, theorems: Iterable[Rule]) -> JudgedRun:
    """A run of `mmuproof prove`.

    Args:
        report: what it has found.
        theorems: those that were to be proved, in words.
    """
    rules = {each.name: each for each in theorems}
    return JudgedRun(
        command="prove",
        subject=report.kernel.judged,
        root=_root(report.kernel),
        cases=tuple(
            result_case(each, rules, report.kernel, allowed=report.allow_known and bool(each.known))
            for each in report.results
        ),
        seconds=report.seconds,
        notes=report.remarks,
    )


def rules_of(theorems: Iterable[Theorem]) -> Mapping[str, Rule]:
    """What is said of each theorem, by its name."""
    return {each.name: Rule(each.name, each.claim, each.source) for each in theorems}


def result_case(
    result: Result, rules: Mapping[str, Rule], kernel: KernelIdentity | None, *, allowed: bool = False
) -> JudgedCase:
    """One result.

    Args:
        result: the result.
        rules: what is said of each theorem.
        kernel: what was judged; None if a command about it would not show the same.
        allowed: whether it is known, and leaves the exit status as it is.
    """
    told = result.counterexample
    file, _, function = ("" if told is None else told.place).partition(":")
    lines = () if told is None else printed(lambda output: print_way(output, result, told, kernel))
    return JudgedCase(
        rule=rules[result.theorem],
        group=result.theorem.partition(".")[0],
        name=result.theorem,
        variant=result.vendor.value,
        verdict=result.verdict.value,
        outcome=Ending.KNOWN if allowed else _outcome(result.verdict),
        text=(result.reason or "") if told is None else told.sentence,
        details=tuple(_INDENT.sub("", line) for line in lines if line),
        at=(told.at or file) if told is not None else mentioned(result.reason or ""),
        function=function,
        steps=() if told is None else told.steps,
        known=known_text(result.known) if result.known else "",
        seconds=result.seconds,
        marks=tuple(
            dict.fromkeys(": ".join(filter(None, (each.part, each.symptom, each.place))) for each in result.refuted)
        ),
        part="" if told is None else part_of(result),
        told=None if told is None else replace(told, expected=expected_text(told.expected, result.source)),
        again="" if kernel is None else command_for(result, kernel),
        assumptions=result.assumptions,
        cuts=result.cuts,
    )


def _outcome(verdict: Verdict) -> Ending:
    return {Verdict.PROVED: Ending.PASSED, Verdict.NOT_APPLICABLE: Ending.SKIPPED, Verdict.REFUTED: Ending.WRONG}.get(
        verdict, Ending.OPEN
    )


def mentioned(reason: str) -> str:
    """The place of which a reason speaks, such as the line with a construct that is not understood."""
    found = _PLACE.search(reason)
    return found["at"] if found else ""


def _root(kernel: KernelIdentity) -> str:
    return root_of(kernel.source) if kernel.version is not None else ""


def trials_run(trials: Trials, theorems: Sequence[Theorem]) -> JudgedRun:
    """A run of `mmuproof prove --defect all`: whether each theorem notices what it says.

    Args:
        trials: what it has found.
        theorems: those that were tried.
    """
    rules = rules_of(theorems)
    return JudgedRun(
        command="prove",
        subject=trials.kernel.judged,
        root=_root(trials.kernel),
        cases=tuple(_trial(each, rules) for each in trials.trials),
        seconds=trials.seconds,
    )


def _trial(trial: Trial, rules: Mapping[str, Rule]) -> JudgedCase:
    outcome = Ending.WRONG if trial.is_wrong else Ending.OPEN if trial.is_open else Ending.PASSED
    stated = f"stated as: {trial.stated}" if trial.stated is not None else "not stated"
    return JudgedCase(
        rule=rules[trial.theorem],
        group=trial.theorem.partition(".")[0],
        name=trial.theorem,
        variant=trial.defect or "(no defect)",
        verdict="DOES_NOT_FIT" if trial.verdict is None else trial.verdict.value,
        outcome=outcome,
        text="; ".join(filter(None, (", ".join(trial.symptoms), stated, trial.reason or ""))),
        marks=trial.symptoms,
    )
