"""Mistakes in a question, told as a compiler tells them: the line, a caret, and what was meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.lift.parsing.expression_text import QuestionText, TextProblem, read_question
from mmuproof.lift.parsing.probe import OpenUnit, Problem, QuestionWrong

_WORD = re.compile(r"\w+|\S")
_UNDECLARED_FUNCTION = re.compile(r"call to undeclared function '(\w+)'.*")
_UNDECLARED_NAME = re.compile(r"use of undeclared identifier '(\w+)'")
_MEMBER = re.compile(r"no member named '(\w+)' in '([^']+)'")
_UNKNOWN_TYPE = re.compile(r"unknown type name '(\w+)'")
_TAB = 8
_MOST = 3


@dataclass(frozen=True)
class Written:
    """A text that the user wrote: ``name`` is what messages call it, and ``in_lines`` whether its lines count."""

    name: str
    text: str
    in_lines: bool = False


def understood(written: Written) -> QuestionText:
    """A question taken apart.

    Raises:
        UsageProblem: its text has a mistake.
    """
    try:
        return read_question(written.text)
    except TextProblem as problem:
        raise wrong_text(written, problem) from None


def wrong_text(written: Written, problem: TextProblem) -> UsageProblem:
    """A mistake that needs no compiler to be seen."""
    before = written.text[: problem.position]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return UsageProblem(f"{_place(written, line, column)}: {problem.message}", _quoted(written, line, column))


def wrong_question(written: Sequence[Written], wrong: QuestionWrong, opened: Callable[[str], OpenUnit]) -> UsageProblem:
    """What a compiler says about a question, with names that may have been meant."""
    details: list[str] = []
    message = ""
    for problem in _first_ones(wrong.problems):
        text = written[problem.text]
        column = _column(text, problem)
        where = f"{_place(text, problem.line, column)}: {_in_words(problem)}"
        if message:
            details.append(where)
        message = message or where
        details += _quoted(text, problem.line, column)
        details += _meant(problem, wrong.path, opened)
    unit = f" (as part of {wrong.path})" if wrong.path else ""
    return UsageProblem(f"{message}{unit}", details)


def _first_ones(problems: Sequence[Problem]) -> Sequence[Problem]:
    """A few errors, each name once: one mistake often causes several."""
    kept: dict[str, Problem] = {}
    for problem in problems:
        kept.setdefault(problem.undeclared or f"{problem.line}:{problem.message}", problem)
    return list(kept.values())[:_MOST]


def _column(written: Written, problem: Problem) -> int:
    """Where the name stands that is wrong; the compiler names the macro whose argument it is in."""
    lines = written.text.split("\n")
    if problem.undeclared and problem.column and problem.line <= len(lines):
        found = re.search(rf"\b{re.escape(problem.undeclared)}\b", lines[problem.line - 1][problem.column - 1 :])
        return problem.column + (found.start() if found is not None else 0)
    return problem.column


def _in_words(problem: Problem) -> str:
    if found := _UNDECLARED_FUNCTION.fullmatch(problem.message):
        return f"there is no function or macro {found[1]}()"
    if found := _UNDECLARED_NAME.fullmatch(problem.message):
        return f"'{found[1]}' is not declared"
    return problem.message


def _meant(problem: Problem, path: str, opened: Callable[[str], OpenUnit]) -> list[str]:
    if not path:
        return []
    if found := _MEMBER.search(problem.message):
        near = opened(path).near_members(found[2].partition(" (aka")[0], found[1])
    elif problem.undeclared:
        near = opened(path).near(problem.undeclared)
    elif found := _UNKNOWN_TYPE.search(problem.message):
        near = opened(path).near(found[1])
    else:
        return []
    hints = [f"did you mean {', '.join(near)}?"] if near else []
    if _UNDECLARED_NAME.fullmatch(problem.message):
        name = problem.undeclared
        hints.append(f"as a free variable it needs a type, unless it is an argument of a function: 'u64 {name}: …'")
    return hints


def _place(written: Written, line: int, column: int) -> str:
    if not column:
        return written.name
    if written.in_lines or "\n" in written.text:
        return f"{written.name}:{line}:{column}"
    return f"{written.name}, column {column}"


def _quoted(written: Written, line: int, column: int) -> list[str]:
    """The line with a caret below the word that begins at the column."""
    lines = written.text.split("\n")
    if not column or line > len(lines):
        return []
    text = lines[line - 1]
    before = text[: column - 1].expandtabs(_TAB)
    word = _WORD.match(text, column - 1)
    rest = len(word.group()) - 1 if word is not None else 0
    return [text.expandtabs(_TAB), f"{' ' * len(before)}^{'~' * rest}"]
