"""Files of results that are written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO

from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem

STANDARD_OUTPUT = "-"
"""How standard output is named where a file is."""


def check_writable(path: Path) -> None:
    """Find out before the work whether a file can be written after it.

    Raises:
        UsageProblem: it cannot.
    """
    if str(path) == STANDARD_OUTPUT:
        return
    try:
        folder = path.resolve().parent
        if not folder.is_dir():
            raise UsageProblem(f"{path} cannot be written: there is no folder {folder}")
        if path.exists() and not path.is_file():
            raise UsageProblem(f"{path} cannot be written: it is no regular file")
        if _is_there(_beside(path)):
            raise UsageProblem(f"{path} cannot be written: {_beside(path)} is in the way")
        # It has no name, so that nothing stays behind if the process is ended just now.
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageProblem(f"{path} cannot be written: {error.strerror}") from None


def json_text(path: Path | None, content: Mapping[str, object]) -> str:
    """Content as JSON, for a file or, without a path, for standard output, which may be a terminal."""
    return json.dumps(content, indent=1, ensure_ascii=path is None) + "\n"


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write content as JSON; see `write_text`."""
    write_text(path, json_text(path, content))


@contextmanager
def beside_json(path: Path | None, output: Output, content: Callable[[], Mapping[str, object]]) -> Iterator[Output]:
    """Print a report, and write the results at the end of the ``with`` block if they are wanted.

    Args:
        path: where the results are wanted; ``-`` for standard output, on which nothing else stands then.
        output: standard output.
        content: the results.

    Raises:
        UsageProblem: they cannot be written.
    """
    to_output = path is not None and str(path) == STANDARD_OUTPUT
    yield output.silenced() if to_output else output
    if to_output:
        output.text(json_text(None, content()))
    elif path is not None:
        write_json(path, content())


def write_text(path: Path, text: str) -> None:
    """Write a file that appears under its name only once it is complete.

    Raises:
        UsageProblem: it cannot be written; what was there before stays.
    """
    try:
        with written_whole(path) as file:
            file.write(text)
    except OSError as error:
        raise UsageProblem(f"{path} cannot be written: {error.strerror}") from None


@contextmanager
def written_whole(path: Path, *, safely: bool = True) -> Iterator[TextIO]:
    """A file to be written, which appears under its name at the end of the ``with`` block.

    Args:
        path: where.
        safely: whether it is to be whole even if the power fails, which takes a slow disk long.

    Raises:
        OSError: it cannot be written; what was there before stays.
    """
    made = _beside(path)
    try:
        # A name that is no text has characters which UTF-8 has not; as JSON writes them they are escaped just so.
        with made.open("x", encoding="utf-8", errors="backslashreplace") as file:
            yield file
            if safely:
                file.flush()
                os.fsync(file.fileno())
        made.replace(path.resolve())
    finally:
        made.unlink(missing_ok=True)


def _is_there(path: Path) -> bool:
    # Unlike `Path.exists`, this tells of a name that is too long.
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def _beside(path: Path) -> Path:
    # In the same folder, as renaming works only within a file system; behind a link, where the file is.
    path = path.resolve()
    return path.with_name(f".{path.name}.{os.getpid()}")
