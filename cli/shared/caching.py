"""What is kept from one run to the next, below the user's cache folder: unpacked trees, parsed units, and results.

All of it together is bounded: at the end of a run what has not been used for longest goes first.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.settings import CACHE_SIZE, Surroundings
from mmuproof.lift.tree.cache import kept_trees
from mmuproof.lift.tree.workplace import clear_abandoned

TREES, UNITS, PROOFS, RESULTS, RUNS, STEPS = "trees", "units", "proofs", "results", "runs", "commits"
"""The folders: archives and revisions as they were unpacked, units as they were parsed, claims that were proved,
verdicts one by one, those of whole runs, checked commits."""
NO_RESULTS = "MMUPROOF_NO_CACHE"
"""A variable of the environment: where it is set, no result of an earlier run is taken."""

KERNELS = "MMUPROOF_KERNELS"
"""A variable of the environment: where `make kernels` leaves trees, and `make live-kernels` what is built of them."""

_MOST_MEBIBYTES = 3072
_MEBIBYTE = 1 << 20
_ABANDONED = 7 * 86_400.0
"""Seconds after which what a run has begun to write, or headers that it reads, can be of no run any more."""

_CONTENT = {
    TREES: "unpacked archives and revisions",
    UNITS: "parsed translation units",
    PROOFS: "proofs of claims",
    RESULTS: "results",
    RUNS: "results of whole runs",
    STEPS: "results of commits",
}


def kernels_folder() -> Path:
    """The folder of these kernels: the one that is named, or the one in the user's cache."""
    import platformdirs

    return Path(os.environ.get(KERNELS) or platformdirs.user_cache_path("mmuproof") / "kernels")


def cache_folder(name: str) -> Path | None:
    """A folder that lasts; None where nothing can be written."""
    folder = _place(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None


@contextmanager
def units_folders() -> Iterator[tuple[Path, Path]]:
    """The folder of parsed units, and one that goes away with the block: for what the first one cannot take."""
    with tempfile.TemporaryDirectory(prefix="mmuproof-") as folder:
        spare = Path(folder)
        yield cache_folder(UNITS) or spare, spare


@dataclass(frozen=True)
class _Removable:
    """Something that is kept: when it was used last, how much it takes, and how it is removed."""

    used: float
    size: int
    remove: Callable[[], None]


def most_bytes() -> int:
    """How much may be kept.

    Raises:
        UsageProblem: a file or variable with settings is not as it is to be.
    """
    around = Surroundings(folder=Path.cwd(), home=Path.home(), environment=os.environ)
    setting = around.settings().get(CACHE_SIZE)
    return (_MOST_MEBIBYTES if setting is None else int(setting.value)) * _MEBIBYTE


def make_room() -> None:
    """Remove what has not been used for longest until the rest is small enough, and what a run has left behind.

    What another run reads at the moment stays, or is not missed: a tree is held, and units and results are read at
    once.  Nothing is lost if something cannot be removed.

    Raises:
        UsageProblem: a file or variable with settings is not as it is to be.
    """
    room = most_bytes()
    for each in sorted(_all_kept(), key=lambda each: each.used, reverse=True):
        room -= each.size
        if room < 0:
            each.remove()


def _all_kept() -> Iterator[_Removable]:
    """All that is kept; what was abandoned is removed on the way."""
    clear_abandoned(_place(TREES))
    for entry in kept_trees(_place(TREES)):
        yield _Removable(entry.used, entry.size, entry.remove)
    long_ago = time.time() - _ABANDONED
    for name in _CONTENT:
        for path in _files(_place(name)):
            with suppress(OSError):
                known = path.stat()
                is_folder = path.is_dir()
                if path.name.startswith(".") or path.name.startswith("headers-"):
                    if known.st_mtime < long_ago:
                        shutil.rmtree(path, ignore_errors=True) if is_folder else path.unlink()
                elif not is_folder:
                    yield _Removable(known.st_mtime, known.st_size, partial(_unlink, path))


def _files(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _unlink(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def show_cache(output: Output) -> None:
    """Say where the folders are and how much is in them."""
    for name, content in _CONTENT.items():
        output.line(f"{_size(_place(name)) / 1e6:8.1f} MB  {_place(name)}  {content}")
    output.line(
        f"{most_bytes() / 1e6:8.1f} MB  at most, all together ({CACHE_SIZE}); what was not used for longest goes"
    )


def clear_cache(output: Output) -> None:
    """Remove the folders; a run that uses them at the moment may have to begin anew.

    Raises:
        UsageProblem: something cannot be removed.
    """
    for name in _CONTENT:
        place = _place(name)
        size = _size(place)
        shutil.rmtree(place, ignore_errors=True)
        if place.exists() and _size(place):
            raise UsageProblem(f"{place} cannot be removed")
        output.line(f"{size / 1e6:8.1f} MB removed from {place}")


def _place(name: str) -> Path:
    import platformdirs

    return platformdirs.user_cache_path("mmuproof") / name


def _size(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_size
    return total
