"""A kernel tree that differs from another one in a few files, made without copying the rest.

The files that stay the same are further names of the base tree's own files (hard links), so nothing here ever opens a
file that exists for writing: what changes is taken away and made anew. Links to folders would be quicker still, but
``#include "../x.h"`` in such a folder would find the header of the base tree. What is no part of the base tree is left
out, such as links that lead out of it.
"""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.foreign import is_too_large
from mmuproof.lift.tree.parts import PARTS, TreePath, components, link_target, wanted

#: What becomes of files, by path relative to the tree: the new content, or None for one that is removed.
Changes = Mapping[str, bytes | None]


def changed_tree(base_root: Path, changes: Changes, into: Path) -> None:
    """Make the tree at ``base_root`` with some files changed, in the empty folder ``into``; only parts that are read.

    The base tree has to stay as it is for as long as the new one is used.

    Raises:
        SourceError: the base tree cannot be read, the new one cannot be written, or a path of a change leads out of it.
    """
    try:
        for part in PARTS:
            start = base_root / part
            (into / part).parent.mkdir(parents=True, exist_ok=True)
            if not start.resolve().is_relative_to(base_root.resolve()):
                continue
            if start.is_dir():
                _link_folder(str(start), str(into / part), components(part), os.path.realpath(base_root))
            elif start.is_file():
                _link_file(os.path.realpath(start), str(into / part))
    except OSError as error:
        raise SourceError(f"{base_root} cannot be laid out anew in {into}: {error.strerror or error}") from error
    change_files(into, changes)


def change_files(root: Path, changes: Changes) -> None:
    """Change files of a tree that `changed_tree` made, without touching the tree that it was made from.

    Raises:
        SourceError: that cannot be done, or a path leads out of the tree or out of the parts that are read.
    """
    try:
        places = {_place(root, name): content for name, content in changes.items()}
        for place in places:
            # Where a file takes the place of a folder or the other way round, there is none.
            if place.is_symlink() or place.is_file():
                place.unlink()
        for place, content in places.items():
            if content is None:
                _remove_empty(place.parent, root)
        for place, content in places.items():
            if content is not None:
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("xb") as file:
                    file.write(content)
                # Nobody else writes here, so a parsed unit need not wait for the file to have been left alone.
                os.utime(place, (0, 0))
    except OSError as error:
        raise SourceError(f"{error.filename or root} cannot be changed: {error.strerror or error}") from error


def _place(root: Path, name: str) -> Path:
    """Where a file of the tree is; no folder on the way to it may be a link, which could lead into the base tree."""
    try:
        path = components(name)
    except ValueError:
        path = ()
    folders = [root.joinpath(*path[:depth]) for depth in range(1, len(path))]
    if not wanted(path) or "/".join(path) != name or any(folder.is_symlink() for folder in folders):
        raise SourceError(f"{name!r} is no path of a kernel tree that could be changed")
    return root.joinpath(*path)


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove a folder, and those around it, that a removed file has left empty, as git does."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _link_folder(source: str, target: str, folder: TreePath, base: str) -> None:
    os.mkdir(target)
    with os.scandir(source) as entries:
        for entry in entries:
            name, path = f"{target}/{entry.name}", (*folder, entry.name)
            if entry.is_dir(follow_symlinks=False):
                _link_folder(entry.path, name, path, base)
            elif entry.is_symlink():
                _link_link(entry.path, name, path, base)
            elif entry.is_file() and not is_too_large(entry):
                _link_file(entry.path, name)


def _link_link(source: str, target: str, link: TreePath, base: str) -> None:
    """Lay a symbolic link of the base tree so that it leads to the new tree's file where that has it."""
    real = os.path.realpath(source)
    if not real.startswith(base + os.sep):
        return
    with suppress(ValueError):
        if wanted(link_target(link, os.readlink(source))):
            os.symlink(os.readlink(source), target)
            return
    if os.path.isfile(real):
        _link_file(real, target)
    elif wanted(tuple(os.path.relpath(real, base).split(os.sep))):
        os.symlink(os.path.relpath(real, os.path.join(base, *link[:-1])), target)


def _link_file(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        # On another file system, somebody else's, or linked too often.
        shutil.copy2(source, target)
