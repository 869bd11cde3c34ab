"""What stands in a folder of a tree and is no part of it: links that lead out of it, and what is no text of a kernel.

A tree that strangers have changed may hold a link to any file that its reader may read, a pipe from which nothing
ever comes, and a header of a terabyte of nothing. Archives and revisions never bring such things along: there a link
is another name of a file, and what they hold is bounded.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from mmuproof.lift.tree.parts import PARTS

_LARGEST = 64 << 20
"""Bytes of a text that is read; the longest of Linux 7.3 has less than a tenth of that."""
_TEXTS = (".c", ".h", "Makefile", "Kconfig")


def foreign_entries(root: Path) -> Iterator[str]:
    """Everything of that kind in the parts of a tree that are read, by path relative to the tree; links resolved.

    What a link leads to in the rest of the tree belongs to it if it is a file: of a folder nobody knows what is there.

    Raises:
        OSError: a folder cannot be read.
    """
    real = os.path.realpath(root)
    parts = [os.path.join(real, part) for part in PARTS]
    for part in PARTS:
        path, folder = real, True
        for name in part.split("/"):
            path = os.path.join(path, name)
            if os.path.islink(path) and not _belongs(path, real, parts):
                yield os.path.relpath(path, real)
                folder = False
                break
        if folder and os.path.isdir(path):
            yield from (os.path.relpath(each, real) for each in _below(path, real, parts))


def _below(top: str, real: str, parts: list[str]) -> Iterator[str]:
    todo = [top]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                elif entry.is_symlink():
                    if not _belongs(entry.path, real, parts):
                        yield entry.path
                elif not entry.is_file(follow_symlinks=False) or is_too_large(entry):
                    yield entry.path


def is_too_large(entry: os.DirEntry[str]) -> bool:
    """Whether a file is called like a text of a kernel, and is longer than any."""
    # What a build has left is large, and not read.
    return entry.name.endswith(_TEXTS) and entry.stat(follow_symlinks=False).st_size > _LARGEST


def _belongs(link: str, real: str, parts: list[str]) -> bool:
    """Whether a link leads to nothing, to a file of the tree, or to a folder of the parts that are read."""
    target = os.path.realpath(link)
    if os.path.isdir(target):
        return any(_is_below(target, part) for part in parts)
    return _is_below(target, real) and (os.path.isfile(target) or not os.path.lexists(target))


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)
