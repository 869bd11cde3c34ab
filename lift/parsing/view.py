"""What clang can see of the file system: the parts of a tree that are read, the headers that we wrote, nothing else.

Clang is given a file system of its own in which there is nothing but that, so ``#include``, ``#include_next``,
``__has_include``, ``#pragma`` and whatever else looks for a file finds none outside of the tree: not by an absolute
path, nor by ``..``, which is resolved in the text, nor by a name that a macro makes. A folder that was opened as a
tree has no links that lead out of it; see `mmuproof.lift.tree.foreign`.

An assembler that clang has built in, for the blocks ``__asm { }`` of another compiler, opens files behind its back.
Where the kernel has Landlock it cannot; and of its messages none is shown, see `mmuproof.lift.parsing.messages`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from mmuproof.lift.tree.parts import PARTS

_FOLDER, _HEADER = "-I", ".h"
_FIRST = ("-include", "-include-pch")


@dataclass(frozen=True)
class View:
    """Some folders and files.

    Args:
        folders: with all that is in them.
        files: further ones.
    """

    folders: tuple[str, ...]
    files: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.folders, *self.files)

    @contextmanager
    def arguments(self) -> Iterator[list[str]]:
        """What makes clang see nothing else, until the block ends, and the file that says so."""
        roots = [("directory-remap", each) for each in self.folders] + [("file", each) for each in self.files]
        content = {
            "version": 0,
            "case-sensitive": True,
            "use-external-names": False,
            "redirecting-with": "redirect-only",
            "roots": [{"type": kind, "name": each, "external-contents": each} for kind, each in roots],
        }
        # In memory: a full disk is no reason not to read.
        with open(os.memfd_create("mmuproof-view"), "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False)
            file.flush()
            yield ["-ivfsoverlay", f"/proc/self/fd/{file.fileno()}"]


def view_of(root: Path, arguments: Sequence[str], beside: Path | None = None) -> View:
    """What may be read while a text is parsed.

    Args:
        root: the tree's folder.
        arguments: clang's command line: what it names is ours, or known to be in the tree.
        beside: a folder of which the headers themselves may be read, for what stands in it.
    """
    # A folder with none of the parts of a kernel is a program by itself.
    parts = [str(root / part) for part in PARTS if (root / part).is_dir()] or [str(root)]
    named = (each.removeprefix(_FOLDER) for each in arguments if each.startswith(_FOLDER))
    ours = [each for each in named if not Path(each).is_relative_to(root)]
    folders = [*parts, *dict.fromkeys(ours)]
    first = [after for each, after in pairwise(arguments) if each in _FIRST and not _is_in(after, folders)]
    headers: list[str] = []
    with suppress(OSError):
        headers += [str(each) for each in sorted(beside.iterdir()) if _is_header(each, beside)] if beside else []
    return View(tuple(folders), (*first, *headers))


def _is_in(path: str, folders: Sequence[str]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)


def _is_header(path: Path, folder: Path) -> bool:
    return path.suffix == _HEADER and path.is_file() and path.resolve().parent == folder.resolve()
