"""Unpacked kernel trees, kept from one run to the next under the digest of what they came from.

An entry appears under its name only when it is complete, and counts only while its files still have the
sizes that were recorded with it. Several runs may use one cache at once: one that reads an entry holds it, and nobody
removes an entry that somebody holds.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mmuproof.lift.errors import SourceError

_RECORD = "complete"
_TREE = "tree"


def cached_tree(cache: Path, key: str, unpack: Callable[[Path], None]) -> Path:
    """The folder of the entry ``key``; if there is no whole one, ``unpack`` is called on an empty folder.

    What ``unpack`` raises is handed on; no partial entry stays behind.

    Raises:
        SourceError: the cache cannot be written.
    """
    entry = cache / key
    if _whole(entry):
        return entry / _TREE
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unpack-", dir=cache) as scratch:
            made = Path(scratch) / "entry"
            (made / _TREE).mkdir(parents=True)
            unpack(made / _TREE)
            (made / _RECORD).write_text(_outline(made / _TREE), "ascii")
            if entry.exists() and not _whole(entry):
                shutil.rmtree(entry, ignore_errors=True)
            try:
                made.rename(entry)
            except OSError:
                # Another run was quicker; its entry has the same content.
                if not _whole(entry):
                    raise
    except OSError as error:
        raise SourceError(f"the cache folder {cache} cannot be used: {error.strerror or error}") from error
    return entry / _TREE


@contextmanager
def held_tree(cache: Path, key: str, unpack: Callable[[Path], None]) -> Iterator[Path]:
    """The same folder, which nobody removes until the block ends.

    Raises:
        SourceError: the cache cannot be written.
    """
    record, held = cache / key / _RECORD, None
    while held is None:
        root = cached_tree(cache, key, unpack)
        held = _held(record, fcntl.LOCK_SH)
    with held:
        with suppress(OSError):
            os.utime(record)
        yield root


@dataclass(frozen=True)
class TreeEntry:
    """What is kept of a tree.

    Args:
        folder: where it is.
        used: when it was opened last, as a time of the system's.
        size: how much it takes, in bytes.
    """

    folder: Path
    used: float
    size: int

    def remove(self) -> None:
        """Remove it, unless somebody holds it."""
        held = _held(self.folder / _RECORD, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if held is None:
            return
        with (
            held,
            suppress(OSError),
            tempfile.TemporaryDirectory(prefix=".gone-", dir=self.folder.parent, ignore_cleanup_errors=True) as gone,
        ):
            # At once, so that nobody finds half of it.
            self.folder.rename(Path(gone) / self.folder.name)


def kept_trees(cache: Path) -> Iterator[TreeEntry]:
    """The entries of a cache."""
    with suppress(OSError):
        for entry in sorted(cache.iterdir()):
            with suppress(OSError, ValueError):
                record = entry / _RECORD
                # One of an earlier version does not tell its size.
                _, _, size = record.read_text("ascii").partition("\n")
                yield TreeEntry(entry, record.stat().st_mtime, int(size or _outline(entry / _TREE).partition("\n")[2]))


def _held(record: Path, how: int) -> BinaryIO | None:
    """The record of an entry, locked until it is closed; None if somebody else has it, or has removed it."""
    try:
        file = record.open("rb")
    except FileNotFoundError:
        return None
    with suppress(OSError):
        fcntl.flock(file, how)
        if os.path.samestat(record.stat(), os.fstat(file.fileno())):
            return file
    file.close()
    return None


def _whole(entry: Path) -> bool:
    try:
        return (entry / _RECORD).read_text("ascii") == _outline(entry / _TREE)
    except (OSError, ValueError):
        return False


def _outline(tree: Path) -> str:
    """A digest of all names and sizes, and all sizes together: quick, and another if any file is missing or cut."""
    digest, total = hashlib.sha256(), 0
    for name, size in sorted(_sizes(tree, "")):
        digest.update(os.fsencode(f"{name}\0{size}\n"))
        total += size
    return f"{digest.hexdigest()}\n{total}"


def _sizes(folder: Path | str, prefix: str) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{prefix}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(entry.path, name)
            else:
                yield name, entry.stat(follow_symlinks=False).st_size
