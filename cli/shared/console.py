"""What a user sees: results on standard output, progress and errors on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.text import Text

from mmuproof.cli.shared.errors import UsageProblem, traced

_BEYOND = 0x100
"""Code points below this are shown in two digits."""
MOST_DETAILS = 10
"""More lines than this, below an error message, help nobody."""


def shown(text: str) -> str:
    r"""A text of which a terminal obeys nothing but the ends of lines, and which any terminal can show.

    Names, comments, paths and messages come from a tree that somebody else may have written: control characters, those
    that turn the direction of writing, and bytes that are no text stand as ``\x1b`` or ``\u202e``.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in "\n\t" else _escaped(each) for each in text)


def on_one_line(name: str) -> str:
    r"""The name of a file of a tree as it stands in a line: an end of a line in it stands as ``\x0a``.

    What begins a line may be taken for a command by whatever reads a log.
    """
    return shown(name).replace("\n", _escaped("\n"))


def _escaped(character: str) -> str:
    number = ord(character)
    # How Python writes a byte of a file's name that is no text.
    number = number - 0xDC00 if 0xDC80 <= number <= 0xDCFF else number
    return f"\\x{number:02x}" if number < _BEYOND else f"\\u{number:04x}"


def _assembled(parts: Iterable[str | tuple[str, str]]) -> Text:
    return Text.assemble(*(shown(each) if isinstance(each, str) else (shown(each[0]), each[1]) for each in parts))


def few(names: Sequence[str], most: int) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


class _Stream(Console):
    """A stream that a reader may close early, as ``head`` does, without changing the exit status."""

    def on_broken_pipe(self) -> None:
        """Go on, and write to nobody."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Output:
    """Standard output and standard error.

    Colours appear on a terminal only; lines are broken by the terminal only, so that ``file:line`` stays in
    one piece.
    """

    def __init__(self, to: TextIO | None = None) -> None:
        self._out = _Stream(file=to, highlight=False, markup=False, emoji=False)
        self._err = _Stream(stderr=True, highlight=False, markup=False, emoji=False)
        self._is_still = False

    def keep_still(self) -> None:
        """Show no progress, not even on a terminal."""
        self._is_still = True

    def silenced(self) -> Output:
        """The same with nothing on standard output."""
        silent = Output()
        silent._out.quiet, silent._err = True, self._err
        return silent

    def text(self, text: str) -> None:
        """Many lines for a machine, as they stand but for what a terminal would obey."""
        self._out.print(Text(shown(text)), soft_wrap=True, end="")

    def line(self, *parts: str | tuple[str, str]) -> None:
        """One line on standard output; a part may come with its style."""
        text = _assembled(parts)
        text.rstrip()
        self._out.print(text, soft_wrap=True)

    def row(self, *parts: str | tuple[str, str], whole: bool) -> None:
        """A line of a table: on a terminal it is cut off where the terminal ends, unless ``whole``."""
        text = _assembled(parts)
        text.rstrip()
        if self._out.is_terminal and not whole:
            text.truncate(self._out.width, overflow="ellipsis")
        self._out.print(text, soft_wrap=True)

    def note(self, text: str, style: str = "") -> None:
        """One line on standard error."""
        self._err.print(Text(shown(text), style), soft_wrap=True)

    def problem(self, problem: UsageProblem) -> None:
        """What the user has to change."""
        self._err.print(_assembled(["mmuproof: ", (problem.message, "bold")]), soft_wrap=True)
        for line in problem.details[:MOST_DETAILS]:
            self.note(f"  {' '.join(line.splitlines())}")
        if len(problem.details) > MOST_DETAILS:
            self.note(f"  and {len(problem.details) - MOST_DETAILS} more")

    def trace(self, error: BaseException) -> None:
        """Where an exception comes from."""
        self.note(traced(error))

    @contextmanager
    def progress(self, *, verbose: bool) -> Iterator[Display]:
        """Show how far a run has come, on a terminal, until the block ends."""
        bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=self._err,
            transient=True,
            # With FORCE_COLOR a log counts as a terminal; progress there would be a line for each step.
            disable=self._is_still or not (self._err.is_terminal and self._err.file.isatty()),
        )
        with bar:
            yield Display(self, bar, verbose)


class Display:
    """Shows a run while it goes on; a `mmuproof.cli.shared.watching.Watcher`."""

    def __init__(self, output: Output, bar: Progress, verbose: bool) -> None:
        self._output, self._bar, self._verbose = output, bar, verbose
        self._task: TaskID | None = None

    def phase(self, name: str, total: int | None = None) -> None:
        """Another kind of work begins."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(name, total=total)

    def advance(self) -> None:
        """One piece of it is done."""
        if self._task is not None:
            self._bar.advance(self._task)

    def failure(self, what: str, trace: str) -> None:
        """An exception has become the verdict ERROR: where it comes from is for who asked for it."""
        if self._verbose:
            self._output.note(f"{what}:")
            self._output.note(trace)


def printed(printing: Callable[[Output], None]) -> tuple[str, ...]:
    """The lines that would be printed on standard output."""
    to = StringIO()
    printing(Output(to))
    return tuple(to.getvalue().splitlines())
