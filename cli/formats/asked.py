"""Which formats are asked for, where they go, and against what results count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmuproof.cli.formats.baseline import read_baseline
from mmuproof.cli.formats.request import Format, Reporting
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.json_file import STANDARD_OUTPUT, check_writable
from mmuproof.cli.shared.naming import near

Wanted = tuple[Format, Path | None]
"""A format and its file; no file is standard output."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked for.

    Args:
        wanted: the formats, each with its file.
        quiet: whether the console's report is to be what counts alone.
        baseline: a file, and the fingerprints that it has; None if everything counts.
    """

    wanted: tuple[Wanted, ...]
    quiet: bool
    baseline: tuple[str, Sequence[str]] | None

    @property
    def is_console(self) -> bool:
        """Whether standard output is for a reader."""
        return all(file is not None or format_ is Format.CONSOLE for format_, file in self.wanted)

    @property
    def is_page(self) -> bool:
        """Whether a page is wanted, with pictures."""
        return any(format_ is Format.HTML for format_, _ in self.wanted)

    @property
    def is_for_machines(self) -> bool:
        """Whether any format is wanted that tells everything."""
        return any(format_ is not Format.CONSOLE for format_, _ in self.wanted)


def asked_formats(request: Reporting) -> Asked:
    """What a request asks for, before any work is done.

    Raises:
        UsageProblem: the formats do not go together, a file cannot be written, or the baseline cannot be read.
    """
    wanted = _wanted(request)
    on_output = [format_.value for format_, file in wanted if file is None]
    if len(on_output) > 1:
        raise UsageProblem(
            f"{' and '.join(on_output)} cannot all go to standard output; name a file: --format {on_output[-1]}=FILE"
        )
    for _, file in wanted:
        if file is not None:
            check_writable(file)
    baseline = None if request.baseline is None else (str(request.baseline), read_baseline(request.baseline))
    return Asked(wanted=tuple(wanted), quiet=request.quiet, baseline=baseline)


def _wanted(asked: Reporting) -> list[Wanted]:
    """The formats with their files.

    Raises:
        UsageProblem: there is no such format, or --output has nothing to write.
    """
    given = [_read(each) for each in asked.formats]
    if asked.output is not None:
        loose = [place for place, (_, file) in enumerate(given) if file is None]
        if len(loose) != 1:
            raise UsageProblem("--output is the file of one --format; with several, use --format FORMAT=FILE")
        given[loose[0]] = (given[loose[0]][0], _file(str(asked.output)))
    given += [
        (format_, _file(str(file)))
        for format_, file in ((Format.HTML, asked.html), (Format.JSON, asked.json))
        if file is not None
    ]
    if any(format_ is Format.CONSOLE and file is not None for format_, file in given):
        raise UsageProblem("the console's format goes to standard output; send that to a file")
    return given


def _read(text: str) -> Wanted:
    name, equals, file = text.partition("=")
    known = {each.value: each for each in Format}
    if name not in known:
        raise UsageProblem(f"no format is called {name!r}{near(name, known)}")
    if equals and not file:
        raise UsageProblem(f"--format {name}= names no file")
    return known[name], _file(file) if equals else None


def _file(text: str) -> Path | None:
    return None if text == STANDARD_OUTPUT else Path(text).expanduser()
