"""The answers of `mmuproof ask`, for a reader and for a machine."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.cli.ask.replies import Goal, Replies, Reply
from mmuproof.cli.numbers.layout import ranges
from mmuproof.cli.shared.console import Output
from mmuproof.cli.telling.configuration import print_configuration
from mmuproof.cli.telling.report import footnotes_of, input_lines, print_cuts, step_text
from mmuproof.cli.telling.results_file import counterexample_content, cut_content, heading, kernel_content
from mmuproof.smt.obligation import Verdict

_GAP = "   "


def print_answers(output: Output, report: Replies, *, verbose: bool) -> None:
    """Print a whole run: the examples first, so that the answers are what is left on the screen."""
    for answer in report.answers:
        if answer.example is not None and (verbose or not (answer.is_yes and len(report.answers) > 1)):
            print_example(output, answer)
    for note in report.notes:
        output.line((note, "dim"))
    for number, assumption in enumerate(_assumptions(report.answers)):
        output.line(("Assumes " if not number else "        ", "dim"), assumption)
    if report.notes or _assumptions(report.answers):
        output.line()
    footnotes = footnotes_of(cut for answer in report.answers for cut in answer.cuts)
    print_cuts(output, footnotes)
    numbers = {key: index for index, key in enumerate(footnotes, 1)}
    _print_table(output, report.answers, numbers, verbose=verbose)
    kernel = report.kernel
    units = ", ".join(dict.fromkeys(answer.unit for answer in report.answers if answer.unit))
    output.line()
    print_configuration(output, kernel, verbose=verbose, brief=True)
    output.line(
        *_counts(report.answers),
        f"on {kernel.judged}",
        f", in {units}," if units else "",
        f" in {report.seconds:.1f} s",
    )


def print_example(output: Output, answer: Reply) -> None:
    """The state in which an expression is true, or is not."""
    told = answer.example
    assert told is not None
    output.line((answer.says, _style(answer)), "  ", (answer.name, "bold"), f"  {masks_of(answer)}")
    if told.sentence:
        output.line(f"  {told.sentence}")
    for line in input_lines(told.inputs):
        output.line(f"    {line}")
    width = max((len(step.at) for step in told.steps), default=0)
    for step in told.steps:
        output.line("    ", (step.at.ljust(width), "cyan"), _GAP, step_text(step))
    truth = "false" if answer.wanted is Goal.ALWAYS else "true"
    if not told.sentence:
        output.line(f"  Evaluated on these numbers, it is {truth}.")
    output.line()


def _print_table(
    output: Output, answers: Sequence[Reply], numbers: dict[tuple[str, str], int], *, verbose: bool
) -> None:
    says = max(len(answer.says) for answer in answers)
    names = max(len(answer.name) for answer in answers)
    vendors = max(len(masks_of(answer)) for answer in answers)
    for answer in answers:
        marks = sorted({numbers[cut.function, cut.reason] for cut in answer.cuts})
        is_no = answer.is_decided and not answer.is_yes
        output.row(
            (answer.says.ljust(says), _style(answer)),
            f"  {answer.name.ljust(names)}  {masks_of(answer).ljust(vendors)}",
            f"  {answer.seconds:8.3f} s",
            f"  [{ranges(marks)}]" if marks else "",
            f"  wanted: {answer.wanted.value}" if is_no and len(answers) > 1 else "",
            f"  {answer.reason}" if answer.reason else "",
            whole=verbose,
        )


def _counts(answers: Sequence[Reply]) -> list[str | tuple[str, str]]:
    """How many answers are as they were wanted, how many are not, and how many are missing."""
    if len(answers) == 1:
        return [(answers[0].says, _style(answers[0])), "  "]
    counts = [
        (f"{sum(answer.is_yes for answer in answers)} yes", "green"),
        (f"{sum(answer.is_decided and not answer.is_yes for answer in answers)} no", "bold red"),
        *(
            (f"{sum(answer.verdict is verdict for answer in answers)} {verdict.value}", "yellow")
            for verdict in (Verdict.VACUOUS, Verdict.UNKNOWN, Verdict.ERROR)
        ),
    ]
    parts: list[str | tuple[str, str]] = []
    for text, style in counts:
        if not text.startswith("0 "):
            parts += [", ", (text, style)] if parts else [(text, style)]
    return [*parts, "  "]


def _assumptions(answers: Sequence[Reply]) -> list[str]:
    return list(dict.fromkeys(each for answer in answers for each in answer.assumptions))


def masks_of(answer: Reply) -> str:
    """For which masks a question is answered."""
    return "any masks" if answer.vendor is None else answer.vendor.value


def _style(answer: Reply) -> str:
    if not answer.is_decided:
        return "red" if answer.verdict is Verdict.ERROR else "yellow"
    return "green" if answer.is_yes else "bold red"


def answers_content(report: Replies) -> dict[str, object]:
    """What the results file says."""
    return {
        **heading("ask", report.solvers),
        "kernel": kernel_content(report.kernel),
        "results": [_answer(answer) for answer in report.answers],
        "summary": {
            "yes": sum(answer.is_yes for answer in report.answers),
            "no": sum(answer.is_decided and not answer.is_yes for answer in report.answers),
            **{
                verdict.value: sum(answer.verdict is verdict for answer in report.answers)
                for verdict in (Verdict.VACUOUS, Verdict.UNKNOWN, Verdict.ERROR)
            },
        },
        "free": list(report.notes),
    }


def _answer(answer: Reply) -> dict[str, object]:
    return {
        "question": answer.name,
        "wanted": answer.wanted.value,
        "answer": answer.says.lower() if answer.is_decided else None,
        "yes": answer.is_yes if answer.is_decided else None,
        "vendor": None if answer.vendor is None else answer.vendor.value,
        "unit": answer.unit or None,
        "verdict": answer.verdict.value,
        "reason": answer.reason,
        "seconds": round(answer.seconds, 6),
        "checked": "one-solver",
        "assumptions": list(answer.assumptions),
        "cuts": [cut_content(cut) for cut in answer.cuts],
        "example": answer.example and counterexample_content(answer.example),
    }
