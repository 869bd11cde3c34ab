"""A run's report in words: the counterexamples, a table of verdicts, and what the results rest on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence

from mmuproof.cli.formats.cases import Ending, JudgedCase, JudgedRun
from mmuproof.cli.numbers.layout import ranges
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.results import (
    Counterexample,
    CutNote,
    Input,
    KernelIdentity,
    Report,
    Result,
    TracedStep,
    in_part,
)
from mmuproof.cli.telling.configuration import print_configuration
from mmuproof.cli.telling.overview import print_areas, print_findings, print_gone, print_known
from mmuproof.smt.obligation import Verdict

_STYLES = {
    Verdict.PROVED: "green",
    Verdict.REFUTED: "bold red",
    Verdict.VACUOUS: "yellow",
    Verdict.UNKNOWN: "yellow",
    Verdict.NOT_APPLICABLE: "dim",
    Verdict.LOST: "bold magenta",
    Verdict.ERROR: "red",
}
_CITED = ("C11", "KVM", "KVM's")
_CITES = re.compile(r"\b(?:SDM|APM) [A-Z]?\d")
_WIDTH = 108
_FEW = 20
"""So many results have a row each; more are told by area."""
_MOST_IN_FULL = 5
"""So many counterexamples are told in full where results are told by area."""
_GAP = "   "


def print_report(output: Output, report: Report, run: JudgedRun, *, verbose: bool) -> None:
    """Print a whole run: what is new, what is known, the verdicts, and what they rest on.

    Args:
        output: where to.
        report: the run.
        run: the same as cases, as they count; one for each result.
        verbose: whether everything is to be told.
    """
    rows = verbose or len(report.results) <= _FEW
    by_case = {id(case): result for result, case in zip(report.results, run.cases, strict=True)}
    full = [case for case in run.findings if by_case[id(case)].counterexample is not None]
    full = [case for case in full if _is_read(case, rows=rows, verbose=verbose)][: None if rows else _MOST_IN_FULL]
    for case in full:
        result = by_case[id(case)]
        assert result.counterexample is not None
        print_counterexample(output, result, result.counterexample, report.kernel)
    footnotes = footnotes_of(cut for result in report.results for cut in result.cuts)
    if rows:
        print_gone(output, run)
        _print_carried(output, report)
        _print_table(output, report.results, footnotes if verbose else {}, verbose=verbose)
        if verbose:
            output.line()
            print_cuts(output, footnotes)
    else:
        print_findings(output, [case for case in run.findings if not case.known and case not in full])
        print_known(output, [case for case in run.findings if case.known], run.baseline)
        print_gone(output, run)
        _print_carried(output, report)
        print_areas(output, run)
    _print_summary(output, report, run, footnotes, verbose=verbose)


def _is_read(case: JudgedCase, *, rows: bool, verbose: bool) -> bool:
    """Whether a counterexample is told; of what is known and allowed, or known among much, nobody reads it again."""
    return verbose or not case.known or (rows and case.outcome.counts)


def print_counterexample(output: Output, result: Result, told: Counterexample, kernel: KernelIdentity) -> None:
    """A counterexample: what is wrong, on what inputs, how KVM comes to it, and how to see it again."""
    style = _STYLES[result.verdict]
    output.line(
        (result.verdict.value, style),
        "  ",
        (result.theorem, "bold"),
        f"  {result.vendor.value}",
        f"  {known_text(result.known)}, see docs/findings.md" if result.known else "",
    )
    before = in_part(part_of(result), told.sentence).removesuffix(told.sentence)
    output.line("  ", before, (told.sentence, "bold"))
    print_way(output, result, told, kernel)
    output.line()


def part_of(result: Result) -> str:
    """Of which part of the theorem the counterexample is that is told; empty if it has no parts."""
    return result.refuted[0].part if result.refuted else ""


def print_way(output: Output, result: Result, told: Counterexample, kernel: KernelIdentity | None) -> None:
    """On what inputs a counterexample comes about, how KVM comes to it, and how to see it again.

    Without a kernel, nothing is said of how to see it again.
    """
    for line in input_lines(told.inputs):
        output.line(f"    {line}")
    width = max((len(step.at) for step in told.steps), default=0)
    known = {each.text for each in told.inputs if each.reads}
    for step in told.steps:
        value = step.text.rpartition(" = ")[2]
        # What a number says is told once.
        output.line("    ", (step.at.ljust(width), "cyan"), _GAP, step.text if value in known else step_text(step))
        known |= {value} if step.reads else set()
    if told.at and not told.steps and told.at not in told.sentence:
        output.line("    ", (told.at, "cyan"), f"{_GAP}the nearest place in the code: no assignment is on the way")
    for line in _joined(_actual(told.actual), expected_text(told.expected, result.source)):
        output.line(f"  {line}")
    if kernel is None:
        return
    numbers = " on these numbers" if told.inputs else ""
    for line in _joined(f"Confirmed by evaluating both sides{numbers}.", f"Again: {command_for(result, kernel)}"):
        output.line(f"  {line}")


def _print_carried(output: Output, report: Report) -> None:
    if not report.carried.results:
        return
    count = len(report.carried.results)
    output.line(f"Taken for what the earlier kernel has, in {count} result{'' if count == 1 else 's'}:")
    for each in report.carried.said:
        output.line(f"  {each}")
    output.line()


def known_text(numbers: Sequence[int]) -> str:
    """What a result is that is known."""
    return f"known finding{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def command_for(result: Result, kernel: KernelIdentity) -> str:
    """The command that gives this result again."""
    words = ["mmuproof", "prove", result.theorem, "--vendor", result.vendor.value]
    if kernel.version is not None:
        words += ["--kernel", kernel.source]
    if kernel.config_file:
        words += ["--config", kernel.config_file]
    if kernel.defect:
        words += ["--defect", kernel.defect]
    for file in kernel.theorems:
        words += ["--theorems", file]
    if kernel.errata:
        words += ["--errata", kernel.errata]
    for setting in kernel.hardware:
        words += ["--erratum", setting]
    return shlex.join(words)


def input_lines(inputs: Sequence[Input]) -> list[str]:
    """The inputs side by side, as many on a line as are easily read."""
    lines = [""]
    rest = "(everything else: any value)" if inputs else "(any values)"
    for text in [*(_read(_named(each), each.reads) for each in inputs), rest]:
        longer = f"{lines[-1]}{_GAP}{text}" if lines[-1] else text
        if len(longer) > _WIDTH and lines[-1]:
            lines.append(text)
        else:
            lines[-1] = longer
    return lines


_TRUTHS = {"0": "no", "1": "yes"}


def _named(given: Input) -> str:
    """An input with its value: ``x=1``, and ``x == NULL: no`` of what is a comparison itself."""
    if " == " in given.name and given.text in _TRUTHS:
        return f"{given.name}: {_TRUTHS[given.text]}"
    return f"{given.name}={given.text}"


def step_text(step: TracedStep) -> str:
    """An assignment, with what the number says."""
    return _read(step.text, step.reads)


def _read(text: str, reads: str) -> str:
    return f"{text}  ({reads})" if reads else text


def _joined(first: str, second: str) -> list[str]:
    """Two sentences on one line if it stays readable, else below each other."""
    line = f"{first}{_GAP}{second}"
    return [line] if len(line) <= _WIDTH else [first, second]


def _actual(text: str) -> str:
    return _sentence(text if text.startswith("KVM ") else f"KVM: {text}")


def expected_text(text: str, source: str) -> str:
    """What the manual says, with the theorem's source unless the words name a more precise place."""
    first = text.partition(" ")[0].rstrip(":")
    cites = first in _CITED or (first[:1].isupper() and first in source) or _CITES.search(text) is not None
    text = _sentence(text if cites or not source else f"{source}: {text}")
    # Beside what KVM does, "KVM:" would say the same of what it should do.
    return f"KVM's own rule: {text.removeprefix('KVM: ')}" if text.startswith("KVM: ") else text


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


# -- the table -----------------------------------------------------------------------------------------


_MOST_UNCHECKED = 3
"""How much is named of what was not read of a call that was not followed."""

Footnotes = dict[tuple[str, str], list[CutNote]]


def footnotes_of(cuts: Iterable[CutNote]) -> Footnotes:
    """The calls that were cut, together where function and reason are the same."""
    notes: Footnotes = {}
    for cut in cuts:
        same = notes.setdefault((cut.function, cut.reason), [])
        if cut not in same:
            same.append(cut)
    return notes


def _print_table(output: Output, results: Sequence[Result], footnotes: Footnotes, *, verbose: bool) -> None:
    verdicts = max(len(result.verdict.value) for result in results)
    names = max(len(result.theorem) for result in results)
    vendors = max(len(result.vendor.value) for result in results)
    numbers = {key: index for index, key in enumerate(footnotes, 1)}
    for result in results:
        marks = sorted({numbers[cut.function, cut.reason] for cut in result.cuts} if numbers else ())
        output.row(
            (result.verdict.value.ljust(verdicts), _STYLES[result.verdict]),
            f"  {result.theorem.ljust(names)}  {result.vendor.value.ljust(vendors)}",
            f"  {result.seconds:8.3f} s",
            f"  [{ranges(marks)}]" if marks else "",
            f"  {result.reason}" if result.reason else "",
            whole=verbose,
        )
        if verbose:
            for assumption in result.assumptions:
                output.line(("    assumes ", "dim"), assumption)


def print_cuts(output: Output, footnotes: Footnotes) -> None:
    """The calls that were cut, numbered in their order, with the reasons."""
    if not footnotes:
        return
    output.line("Calls not followed, whose results may be anything, and why that loses nothing:")
    for index, ((function, reason), cuts) in enumerate(footnotes.items(), 1):
        more = f" +{len(cuts) - 1}" if len(cuts) > 1 else ""
        left = list(dict.fromkeys(each for cut in cuts for each in cut.unchecked))
        also = f" and {len(left) - _MOST_UNCHECKED} more" if len(left) > _MOST_UNCHECKED else ""
        unread = f"; not checked: {', '.join(left[:_MOST_UNCHECKED])}{also}" if left else ""
        output.line(f"{f'[{index}]':>6} {function}() ", (f"{cuts[0].at}{more}", "cyan"), (f"  {reason}{unread}", "dim"))
    output.line()


def _print_summary(output: Output, report: Report, run: JudgedRun, footnotes: Footnotes, *, verbose: bool) -> None:
    kernel = report.kernel
    if not verbose:
        output.line()
        _print_rests(output, report, footnotes)
    print_configuration(output, kernel, verbose=verbose)
    for remark in report.remarks:
        output.line((remark, "yellow"))
    if report.saved:
        every = "All" if report.saved == len(report.results) else f"{report.saved} of the"
        output.line(f"{every} results are of an earlier run that asked the same; --no-cache finds them anew.")
    if report.known_claims:
        many = "claim" if report.known_claims == 1 else "claims"
        told = f"{report.known_claims} {many} of the other results had been proved before, in the same terms"
        output.line(f"{told}; --no-cache proves all anew.")
    counts = [
        (_count(verdict, run), _STYLES[verdict])
        for verdict in Verdict
        if any(result.verdict is verdict for result in report.results)
    ]
    parts: list[str | tuple[str, str]] = []
    for count_and_style in counts:
        parts += [", ", count_and_style] if parts else [count_and_style]
    claims = sum(result.claims for result in report.results)
    parts.append(f"; {claims} claim{'' if claims == 1 else 's'}" if claims else "")
    output.line(*parts, f"  on {kernel.judged} in {report.seconds:.1f} s")


def _print_rests(output: Output, report: Report, footnotes: Footnotes) -> None:
    """How much the results rest on."""
    assumptions = {assumption for result in report.results for assumption in result.assumptions}
    numbers = (
        (len(assumptions), "assumption"),
        (len({function for function, _ in footnotes}), "function that is not followed"),
    )
    parts = [f"{count} {_several(what) if count > 1 else what}" for count, what in numbers if count]
    if parts:
        output.line(f"The results rest on {' and '.join(parts)}; -v lists them, and why that is sound.")


def _several(what: str) -> str:
    return what.replace("assumption", "assumptions").replace("function that is", "functions that are")


def _count(verdict: Verdict, run: JudgedRun) -> str:
    """How many results have a verdict, and how many of them are known findings, or in a baseline."""
    cases = [case for case in run.cases if case.verdict == verdict.value]
    known = [case for case in cases if case.known]
    if not known:
        return f"{len(cases)} {verdict.value}"
    allowed = " and allowed" if all(case.outcome is Ending.KNOWN for case in known) else ""
    which = "" if len(known) == len(cases) else f"{len(known)} of them "
    return f"{len(cases)} {verdict.value} ({which}known{allowed})"
