"""Folders to work in, at paths that stay the same from one run to the next."""

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from mmuproof.lift.errors import SourceError

_NAME = "work-"


@contextmanager
def empty_folder(cache: Path | None, key: str) -> Iterator[Path]:
    """An empty folder that goes away with the ``with`` block.

    In the folder ``cache`` its path depends on ``key`` alone, unless another run has it at the moment: parsed units are
    found again only under the path at which they were parsed.

    Raises:
        SourceError: the cache cannot be used.
    """
    if cache is None:
        with tempfile.TemporaryDirectory(prefix="mmuproof-") as scratch:
            yield Path(scratch).resolve()
        return
    place = cache.absolute() / f"{_NAME}{hashlib.sha256(os.fsencode(key)).hexdigest()[:16]}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = (place / "lock").open("wb")
    except OSError as error:
        raise SourceError(f"the cache folder {cache} cannot be used: {error.strerror or error}") from error
    with lock:
        if not _taken(lock.fileno()):
            with tempfile.TemporaryDirectory(prefix=".work-", dir=place.parent) as scratch:
                yield Path(scratch).resolve()
            return
        folder = place / "tree"
        try:
            # A run that was killed leaves its own behind.
            shutil.rmtree(folder, ignore_errors=True)
            try:
                folder.mkdir()
            except OSError as error:
                raise SourceError(f"the cache folder {cache} cannot be used: {error.strerror or error}") from error
            yield folder.resolve()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def filled_folder(cache: Path | None, key: str, fill: Callable[[Path], None]) -> Iterator[Path]:
    """The same, filled; where the disk of ``cache`` has no room for that, one where temporary files are.

    Raises:
        SourceError: it cannot be filled.
    """
    with ExitStack() as held:
        try:
            folder = held.enter_context(empty_folder(cache, key))
            fill(folder)
        except SourceError as error:
            if cache is None or not lacks_room(error):
                raise
            held.close()
            folder = held.enter_context(empty_folder(None, key))
            fill(folder)
        yield folder


def lacks_room(error: SourceError) -> bool:
    """Whether what failed has failed because a disk is full."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)


def clear_abandoned(cache: Path) -> None:
    """Remove what runs that were killed have left in their folders."""
    for folder in cache.glob(f"{_NAME}*/tree"):
        with suppress(OSError), (folder.parent / "lock").open("wb") as lock:
            if _taken(lock.fileno()):
                shutil.rmtree(folder, ignore_errors=True)


def _taken(lock: int) -> bool:
    """Whether the lock is ours now; it is given back when it is closed."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
