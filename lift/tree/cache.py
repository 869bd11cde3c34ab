"""Unpacked kernel trees, kept from one run to the next under the digest of what they came from.

An entry appears under its name only when it is complete, and counts only while its files still have the
sizes that were recorded with it. Several runs may use one cache at once.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

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


def _whole(entry: Path) -> bool:
    try:
        return (entry / _RECORD).read_text("ascii") == _outline(entry / _TREE)
    except (OSError, ValueError):
        return False


def _outline(tree: Path) -> str:
    """A digest of all names and sizes: quick, and changed by any file that is missing or cut short."""
    digest = hashlib.sha256()
    for line in sorted(_sizes(tree, "")):
        digest.update(line)
    return digest.hexdigest()


def _sizes(folder: Path | str, prefix: str) -> Iterator[bytes]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{prefix}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(entry.path, name)
            else:
                yield os.fsencode(f"{name}\0{entry.stat(follow_symlinks=False).st_size}\n")
