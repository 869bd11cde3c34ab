"""Inline assembly: which of its operands it writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BEGIN = re.compile(r"\basm\b[\w ]*\(")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_CONSTRAINT = re.compile(r'\s*(?:\[\w+\]\s*)?"([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """One statement: its text, the constraints of its operands in their order, and what it changes besides."""

    template: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    clobbers: tuple[str, ...]

    @property
    def is_barrier(self) -> bool:
        """Whether there is no instruction in it."""
        return self.template in ("", '""')

    @property
    def clobbers_memory(self) -> bool:
        """Whether it may write what is no operand."""
        return "memory" in self.clobbers


def assembly_in(printed: str) -> Iterator[Assembly]:
    """The statements of a function as clang prints it, in their order."""
    blank = _TEXT.sub(lambda text: '"' + "x" * (len(text[0]) - 2) + '"', printed)
    for begin in _BEGIN.finditer(blank):
        parts = list(_split(blank, begin.end(), ":"))
        operands = [list(_split(blank, low, ",", high)) for low, high in parts[1:]]
        texts = [[printed[low:high] for low, high in each if printed[low:high].strip()] for each in operands]
        outputs, inputs, clobbers = (*texts, [], [], [])[:3]
        yield Assembly(
            template=printed[slice(*parts[0])].strip(),
            outputs=tuple(_constraint(each) for each in outputs),
            inputs=tuple(_constraint(each) for each in inputs),
            clobbers=tuple(each.strip().strip('"') for each in clobbers),
        )


def _constraint(operand: str) -> str:
    found = _CONSTRAINT.match(operand)
    return found[1] if found else ""


def _split(text: str, begin: int, separator: str, end: int | None = None) -> Iterator[tuple[int, int]]:
    """The stretches between separators outside of brackets, up to ``end`` or the bracket that closes."""
    depth, low = 0, begin
    for at in range(begin, len(text) if end is None else end):
        letter = text[at]
        if letter in "([{":
            depth += 1
        elif letter in ")]}":
            if depth == 0:
                end = at
                break
            depth -= 1
        elif letter == separator and depth == 0:
            yield low, at
            low = at + 1
    yield low, len(text) if end is None else end
