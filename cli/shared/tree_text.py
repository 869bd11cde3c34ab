"""The lines of a tree that results speak of: read when a report is written, and shown in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

_MOST_BYTES = 8 << 20
_OF_C = (".c", ".h", ".S")

TreeText = Callable[[str], str | None]
"""The text of a file of a tree, by its path in it; None if it is not to be had."""


def text_of_source(source: str) -> TreeText:
    """The text of a source, if that is a folder: of a revision or an archive it is no longer at hand."""
    folder = Path(source).expanduser()
    return partial(text_in, folder) if source and folder.is_dir() else lambda _file: None


def text_in(root: Path, file: str) -> str | None:
    """The text of a C file below a folder.

    A tree may say of a line that it is of any file of the machine's: what is outside of the tree is not shown.
    """
    try:
        inside, path = root.resolve(), (root / file).resolve()
        if path.suffix not in _OF_C or not path.is_relative_to(inside) or not path.is_file():
            return None
        if path.stat().st_size > _MOST_BYTES:
            return None
        return path.read_text("utf-8", errors="replace")
    except (OSError, ValueError):
        return None
