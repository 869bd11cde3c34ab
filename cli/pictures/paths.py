"""The way of an access through tables, with the values of a counterexample: what it is, each entry, and its end."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mmuproof.cli.shared.drawing import LETTER, LINE, Arrow, Box, Figure, Look, Sheet, Wording
from mmuproof.cli.shared.results import Counterexample, Input
from mmuproof.model.number_kinds import NumberKind

_WIDE, _IN, _GAP = 340, 20, 12
_COLUMNS = int((_WIDE - _IN - 10) / LETTER)
_ENTRY = re.compile(r"entry of level (?P<level>\d)|gpte")
_ON_THE_WAY = ("walk", "exit", "nested", "fault")
"""The areas whose theorems are about an access on its way."""

ReadEntry = Callable[[int, int | None], str]
"""What a guest's entry says, with the level that it is of if that is known; empty if it is not of a known format."""


@dataclass(frozen=True)
class _Station:
    """Where an access comes by: what is there, and in which box it stands."""

    heading: str
    look: Look
    lines: tuple[str, ...]


def path_figure(area: str, told: Counterexample, read_entry: ReadEntry) -> Figure | None:
    """The way of the access in a counterexample; None where there is no access on its way.

    Args:
        area: the area of the theorem.
        told: the counterexample.
        read_entry: reads an entry of the guest's tables.
    """
    if area not in _ON_THE_WAY or not told.inputs:
        return None
    sheet = Sheet(width=_WIDE)
    heading = ""
    for number, each in enumerate(_stations(told, read_entry)):
        if number:
            sheet.arrows.append(Arrow(x=_IN + 12, y=sheet.y, end=sheet.y + _GAP))
            sheet.y += _GAP
        if each.heading != heading:
            sheet.y += LINE
            sheet.labels.append(Wording(x=_IN + 24, y=sheet.y - 4, text=each.heading, look=Look.FAINT))
        heading = each.heading
        height = LINE * len(each.lines) + 8
        sheet.boxes.append(
            Box(x=_IN, y=sheet.y, width=_WIDE - _IN - 1, height=height, look=each.look, lines=each.lines)
        )
        sheet.y += height
    title = "The way of the access"
    return Figure(title=title, drawings=(sheet.drawing(title, "; ".join(_said(told))),))


def _stations(told: Counterexample, read_entry: ReadEntry) -> Iterator[_Station]:
    """What is settled, then what has bits, in the order in which the theorem shows it, then both ends."""
    settled = [f"{each.name}={each.text}" for each in told.inputs if not _is_station(each)]
    if settled:
        yield _Station("with", Look.PLAIN, _wrapped(", ".join(settled)))
    for each in sorted(filter(_is_station, told.inputs), key=_depth):
        entry = _entry(each)
        value = f"{each.name} = {each.text}"
        if entry is not None:
            level = int(entry["level"]) if entry["level"] else None
            reads = each.reads or read_entry(int(each.text, 0), level)
            yield _Station("the guest's tables", Look.HARDWARE, _wrapped(value, reads))
        elif each.decoded is not None and each.decoded["kind"] == NumberKind.SPTE.value:
            yield _Station("KVM's tables", Look.KERNEL, _wrapped(value, each.reads))
        else:
            yield _Station("what is told of it", Look.SET, _wrapped(value, each.reads))
    yield _Station("KVM", Look.WRONG, _wrapped(told.actual.removeprefix("KVM ")))
    yield _Station("what is expected", Look.GOOD, _wrapped(told.expected))


def _is_station(given: Input) -> bool:
    """Whether an access comes by there: an entry, or a word whose bits tell something."""
    return _entry(given) is not None or given.decoded is not None or not given.text[:1].isdecimal()


def _entry(given: Input) -> re.Match[str] | None:
    """An entry of a guest's tables, by its name; None if it is another input."""
    return _ENTRY.fullmatch(given.name) if given.text[:1].isdecimal() else None


def _depth(given: Input) -> int:
    """Entries stand from the highest level to the lowest, after what is known before, and before all else."""
    return 1 if _entry(given) is not None else 0 if given.name in _FIRST else 2


_FIRST = ("access", "exit qualification", "EXITINFO1", "error_code", "hardware's error code")


def _wrapped(*texts: str) -> tuple[str, ...]:
    # Flags may be broken behind a bar, and numbers nowhere.
    lines = (textwrap.wrap(text.replace("|", "|\u200b "), _COLUMNS, break_on_hyphens=False) for text in texts)
    return tuple(line.replace("|\u200b ", "|").rstrip("\u200b") for each in lines for line in each)


def _said(told: Counterexample) -> Sequence[str]:
    inputs = (f"{each.name} = {each.text}{f' ({each.reads})' if each.reads else ''}" for each in told.inputs)
    return [*inputs, f"KVM: {told.actual}", f"expected: {told.expected}"]
