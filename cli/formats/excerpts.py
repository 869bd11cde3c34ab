"""The lines of C around each step of a counterexample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mmuproof.cli.formats.cases import JudgedCase, QuotedLine
from mmuproof.cli.formats.places import split_place
from mmuproof.cli.shared.results import TracedStep
from mmuproof.cli.shared.tree_text import TreeText

_AROUND = 3
"""So many lines stand above and below a step."""
_LONGEST = 240


@dataclass(frozen=True)
class StepNote:
    """A step with its number in the order in which the steps happen; 0 if there is but a place."""

    number: int
    step: TracedStep


@dataclass(frozen=True)
class CodeLine:
    """A line of C, with the steps that happen there; ``text`` is None where the tree is not at hand."""

    number: int | None
    text: str | None
    notes: tuple[StepNote, ...] = ()


@dataclass(frozen=True)
class Excerpt:
    """Lines that follow on each other, of one file."""

    file: str
    lines: tuple[CodeLine, ...]


def texts_of(places: Iterable[str], text_of: TreeText) -> Mapping[str, str]:
    """The texts of the files in which some places are, ``file:line``; without those that are not to be had."""
    files = dict.fromkeys(split_place(each)[0] for each in places)
    return {file: text for file in files if file and (text := text_of(file)) is not None}


def quoted(places: Iterable[str], text_of: TreeText) -> tuple[QuotedLine, ...]:
    """The lines around some places, for a report that is written when the tree is gone."""
    wanted: dict[str, set[int]] = {}
    for file, line in map(split_place, places):
        if line is not None:
            wanted.setdefault(file, set()).update(range(max(1, line - _AROUND), line + _AROUND + 1))
    found = {file: text.split("\n") for file in wanted if (text := text_of(file)) is not None}
    return tuple(
        QuotedLine(file, number, text[number - 1][:_LONGEST])
        for file, text in found.items()
        for number in sorted(wanted[file])
        if number <= len(text)
    )


def texts_of_lines(lines: Iterable[QuotedLine]) -> Mapping[str, str]:
    """The texts of files of which some lines are known; all others are empty."""
    known: dict[str, dict[int, str]] = {}
    for each in lines:
        known.setdefault(each.file, {})[each.number] = each.text
    return {
        file: "\n".join(numbers.get(number, "") for number in range(1, max(numbers) + 1))
        for file, numbers in known.items()
    }


def places_of(cases: Iterable[JudgedCase]) -> Iterable[str]:
    """The places of which some cases speak."""
    return (at for each in cases for at in (each.at, *(step.at for step in each.steps)))


def excerpts_of(case: JudgedCase, texts: Mapping[str, str]) -> tuple[Excerpt, ...]:
    """The lines around the steps of a case, in the order of the steps; around its place if it has no steps."""
    steps = [StepNote(number, step) for number, step in enumerate(case.steps, 1)]
    if not steps:
        steps = [StepNote(0, TracedStep(case.at, ""))] if case.place[1] is not None else []
    groups: list[list[StepNote]] = []
    for step in steps:
        if groups and _near(groups[-1], step):
            groups[-1].append(step)
        else:
            groups.append([step])
    return tuple(_excerpt(group, texts) for group in groups)


def _near(group: Sequence[StepNote], step: StepNote) -> bool:
    """Whether the lines around a step touch those around steps before it."""
    file, line = split_place(step.step.at)
    places = [split_place(each.step.at) for each in group]
    return (
        line is not None
        and places[0][0] == file
        and any(at is not None and abs(at - line) <= 2 * _AROUND + 1 for _, at in places)
    )


def _excerpt(group: Sequence[StepNote], texts: Mapping[str, str]) -> Excerpt:
    file, _ = split_place(group[0].step.at)
    notes: dict[int, list[StepNote]] = {}
    for each in group:
        notes.setdefault(split_place(each.step.at)[1] or 0, []).append(each)
    text = texts.get(file, "").split("\n")
    if file not in texts or not all(0 < number <= len(text) for number in notes):
        return Excerpt(file, tuple(CodeLine(number or None, None, tuple(notes[number])) for number in notes))
    first, last = max(1, min(notes) - _AROUND), min(len(text), max(notes) + _AROUND)
    numbers = range(first, last + 1)
    return Excerpt(
        file, tuple(CodeLine(each, text[each - 1][:_LONGEST], tuple(notes.get(each, ()))) for each in numbers)
    )
