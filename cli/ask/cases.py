"""Answers as cases, for the formats of other tools."""

from __future__ import annotations

from mmuproof.cli.ask.replies import Goal, Replies, Reply
from mmuproof.cli.ask.report import masks_of, print_example
from mmuproof.cli.formats.cases import Ending, JudgedCase, JudgedRun, Rule
from mmuproof.cli.formats.places import root_of
from mmuproof.cli.shared.console import printed

_WANTED = {
    Goal.POSSIBLE: "It is to be true in some state.",
    Goal.IMPOSSIBLE: "It is to be true in no state.",
    Goal.ALWAYS: "It is to be true in every state.",
}


def replies_run(report: Replies) -> JudgedRun:
    """A run of `mmuproof ask`: a question is a case."""
    kernel = report.kernel
    return JudgedRun(
        command="ask",
        subject=kernel.judged,
        root=root_of(kernel.source),
        cases=tuple(_case(each) for each in report.answers),
        seconds=report.seconds,
        notes=report.notes,
    )


def _case(answer: Reply) -> JudgedCase:
    told = answer.example
    # The first line is the answer and the question.
    lines = () if told is None else printed(lambda output: print_example(output, answer))[1:]
    outcome = Ending.PASSED if answer.is_yes else Ending.WRONG if answer.is_decided else Ending.OPEN
    sentence = (told.sentence if told is not None else "") or answer.reason or f"It is {answer.says.lower()}."
    return JudgedCase(
        rule=Rule(answer.name, _WANTED[answer.wanted]),
        group=answer.unit or "questions",
        name=answer.name,
        variant=masks_of(answer),
        verdict=answer.says,
        outcome=outcome,
        text=sentence,
        details=tuple(line.removeprefix("  ") for line in lines if line),
        at="" if told is None else told.at,
        steps=() if told is None else told.steps,
        seconds=answer.seconds,
    )
