"""Where a file of the kernel tree is, for a tool that opens it."""

from __future__ import annotations

from pathlib import Path


def split_place(at: str) -> tuple[str, int | None]:
    """The file and the line of ``file:line``, as far as they are known."""
    file, colon, line = at.rpartition(":")
    return (file, int(line)) if colon and line.isdecimal() else (at, None)


def root_of(source: str) -> str:
    """The folder of a kernel source; empty if it is none.

    Args:
        source: what the user called it: a folder, ``REPOSITORY@REVISION``, or a file.
    """
    for text in (source, source.rpartition("@")[0]):
        folder = Path(text).expanduser()
        if text and folder.is_dir():
            return str(folder.resolve())
    return ""


def opened_as(root: str, file: str) -> str:
    """A file of a tree as it is opened from the current folder; as the tree calls it where it is not there."""
    path = Path(root, file)
    if not root or not path.is_file():
        return file
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
