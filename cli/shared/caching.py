"""What is kept from one run to the next, below the user's cache folder: unpacked trees, parsed units, and results."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem

TREES, UNITS, RESULTS, RUNS, STEPS = "trees", "units", "results", "runs", "commits"
"""The folders: archives and revisions as they were unpacked, units as they were parsed, verdicts one by one, those of
whole runs, checked commits."""
NO_RESULTS = "MMUPROOF_NO_CACHE"
"""A variable of the environment: where it is set, no result of an earlier run is taken."""

_CONTENT = {
    TREES: "unpacked archives and revisions",
    UNITS: "parsed translation units",
    RESULTS: "results",
    RUNS: "results of whole runs",
    STEPS: "results of commits",
}


def cache_folder(name: str) -> Path | None:
    """A folder that lasts; None where nothing can be written."""
    folder = _place(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None


@contextmanager
def units_folder() -> Iterator[Path]:
    """The folder of parsed units; one that goes away with the block where none can last."""
    lasting = cache_folder(UNITS)
    if lasting is not None:
        yield lasting
        return
    with tempfile.TemporaryDirectory(prefix="mmuproof-") as folder:
        yield Path(folder)


def show_cache(output: Output) -> None:
    """Say where the folders are and how much is in them."""
    for name, content in _CONTENT.items():
        output.line(f"{_size(_place(name)) / 1e6:8.1f} MB  {_place(name)}  {content}")


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
