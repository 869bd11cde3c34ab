"""Measure ``mmuproof prove``, ``diff`` and ``ask``, on the reference model and on the kernels in the kernels' cache.

Each run is a process of its own.  Of the process: wall-clock time, processor time of all its threads and children, and
the peak of the memory that it and its children have together, shared pages counted once; of its results file: the
seconds of each result, which is one theorem for one vendor, one function, or one answer.  Medians are over the runs,
after one run in which only memory is looked at: that takes time itself.
A cold run has an empty cache folder; all others find there what an earlier run has left.
Where one function is changed, each run finds what one before the change has left, and a text of the function that no
run before it has seen.
The solver's share of one obligation is measured apart.
"""

from __future__ import annotations

import argparse
import difflib
import itertools
import json
import os
import platform
import re
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from mmuproof.cli.shared.caching import kernels_folder
from mmuproof.cli.shared.process import RECURSION
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.smt.solver import decide

MMUPROOF = Path(sys.executable).with_name("mmuproof")
# Everything was decided, or something was refuted, or something could not be decided.
DECIDED = (0, 1, 3)
QUESTION = "is_frozen_spte(spte) && is_mmio_spte(kvm, spte)"
FUNCTION, PATCHED = "make_spte", "arch/x86/kvm/mmu/spte.c"
COMPARED = "level > PG_LEVEL_4K"
CHANGES = {"equal": "level >= PG_LEVEL_2M", "not equal": "level > PG_LEVEL_2M"}
CHANGED = "arch/x86/kvm/mmu/mmu.c"
FUNCTIONS = {"few": "page_fault_handle_page_track", "some": "mmu_set_spte", "many": "update_permission_bitmask"}
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
"""Where it is set, each run would compile all of mmuproof first."""
_EVERY = 0.3
"""Seconds between two looks at memory, each of which takes some time itself."""
NAMES = ("theorem", "function", "question", "vendor", "masks")


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One run: seconds, seconds, MiB, seconds and name of each result, and how many of each verdict."""

    wall: float
    cpu: float
    peak: float
    results: tuple[tuple[float, str], ...]
    verdicts: Counter[str]


class ChangedFunction:
    """A copy of a tree in which one function gets another text each time, which does the same.

    Args:
        original: the tree.
        tree: where the copy is to be.
        function: the function, which stands in `CHANGED`.
    """

    def __init__(self, original: Path, tree: Path, function: str) -> None:
        self._original, self._tree, self._numbers = original, tree, itertools.count()
        self.cache = tree.with_suffix(".cache")
        text = (original / CHANGED).read_text("utf-8")
        begin = re.search(rf"^\w[^;{{}}]*\b{function}\([^;{{}}]*\)\n\{{", text, re.MULTILINE)
        if begin is None:
            sys.exit(f"bench: {original / CHANGED} has no {function}()")
        self._before, self._after = text[: begin.end()], text[begin.end() :]

    def change(self) -> None:
        """Give it the next text; the first time it keeps its own."""
        if not self._tree.exists():
            shutil.copytree(self._original, self._tree, symlinks=True)
        number = next(self._numbers)
        added = f"\n\tint mmuproof_{number} = 0;\n\n\t(void)mmuproof_{number};" if number else ""
        file = self._tree / CHANGED
        file.write_text(f"{self._before}{added}{self._after}", "utf-8")
        # What was written a moment ago is not kept.
        os.utime(file, (1_000_000_000 + number, 1_000_000_000 + number))


@dataclass(frozen=True)
class Benchmark:
    """What is measured: a command line without ``mmuproof``, and whether each run has an empty cache folder.

    ``changed`` is what is done before each run, to a tree that has a cache folder of its own beside it.
    """

    name: str
    arguments: tuple[str, ...]
    cold: bool = False
    changed: ChangedFunction | None = None


def measure(subject: Benchmark, jobs: Sequence[str], *, memory: bool = False) -> Timing:
    """Run a command once, and look at its memory if that is wanted.

    Raises:
        SystemExit: it did not run to its end.
    """
    with tempfile.TemporaryDirectory(prefix="mmuproof-bench-") as folder:
        report, log = Path(folder, "results.json"), Path(folder, "log")
        command = [str(MMUPROOF), *subject.arguments, *jobs, "--json", str(report)]
        own = Path(folder, "cache") if subject.cold else None
        if subject.changed is not None:
            subject.changed.change()
            own = subject.changed.cache
        environment = {name: value for name, value in os.environ.items() if name != _NO_BYTECODE}
        if own is not None:
            environment["XDG_CACHE_HOME"] = str(own)
        with log.open("wb") as output:
            start = time.perf_counter()
            child = os.posix_spawn(
                command[0],
                command,
                environment,
                file_actions=[(os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, output.fileno(), 2)],
            )
            with peak_memory(child) if memory else nullcontext([0]) as peak:
                _, ended, used = os.wait4(child, 0)
            wall = time.perf_counter() - start
        status = os.waitstatus_to_exitcode(ended)
        if status not in DECIDED or not report.is_file():
            sys.stderr.write(log.read_text(errors="replace"))
            sys.exit(f"bench: {' '.join(command)}: exit status {status}")
        results = results_of(json.loads(report.read_text()))
    return Timing(
        wall=wall,
        cpu=used.ru_utime + used.ru_stime,
        peak=max(peak) / 1024,
        results=tuple((seconds, name) for seconds, name, _ in results),
        verdicts=Counter(verdict for _, _, verdict in results),
    )


@contextmanager
def peak_memory(process: int) -> Iterator[list[int]]:
    """What a process and its descendants have in memory while the block runs, in KiB, each shared page counted once."""
    seen, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(_EVERY):
            seen.append(sum(_proportional(each) for each in _family(process)))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield seen
    finally:
        ended.set()
        watching.join()


def _family(process: int) -> Iterator[int]:
    """A process and its descendants, as far as they are there."""
    yield process
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _proportional(process: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def results_of(report: dict[str, Any]) -> list[tuple[float, str, str]]:
    """Seconds, name and verdict of each result in a results file."""
    # A theorem for a vendor, a function under some masks, or a question for a vendor.
    return [
        (float(each["seconds"]), " ".join(str(each[key]) for key in NAMES if each.get(key)), str(each["verdict"]))
        for each in report["results"]
    ]


def patch_of(kernel: Path, folder: Path, change: str) -> Path:
    """A patch that changes a comparison of one function, into one that is the same or into one that is not."""
    source = (kernel / PATCHED).read_text("utf-8").splitlines(keepends=True)
    changed = [line.replace(COMPARED, CHANGES[change]) for line in source]
    patch = folder / f"{change.replace(' ', '-')}.patch"
    lines = difflib.unified_diff(source, changed, f"a/{PATCHED}", f"b/{PATCHED}")
    patch.write_text("".join(lines), "utf-8")
    return patch


def subjects(kernel: str | None, folder: Path) -> Iterator[Benchmark]:
    """What is measured; what it needs is written into a folder."""
    yield Benchmark("prove: reference model", ("prove", "--kernel", "reference", "--no-cache"))
    cache = kernels_folder()
    # Cold runs have another cache folder, so all kernels are given by their path.
    old, new = cache.absolute() / "linux-6.12", cache.absolute() / "linux-7.2"
    there = {each: (each / "Makefile").is_file() for each in (old, new)}
    for each in (each for each, found in there.items() if not found):
        sys.stderr.write(f"bench: {each.name} is not measured: it is not in the cache (make kernels)\n")
    if kernel is not None or there[new]:
        subject = kernel or str(new)
        name = Path(subject).name
        question = ("ask", QUESTION, "--kernel", subject)
        yield Benchmark(f"prove: {name}", ("prove", "--kernel", subject, "--no-cache"))
        yield Benchmark(f"prove: {name}, nothing changed", ("prove", "--kernel", subject))
        yield Benchmark(f"prove: {name}, cold", ("prove", "--kernel", subject), cold=True)
        yield Benchmark(f"ask: {name}, cold", question, cold=True)
        yield Benchmark(f"ask: {name}, cached", question)
    if there[new]:
        for rested_on, function in FUNCTIONS.items():
            tree = folder / function
            yield Benchmark(
                f"prove: {new.name}, {function}() changed, on which {rested_on} results rest",
                ("prove", "--kernel", str(tree)),
                changed=ChangedFunction(new, tree, function),
            )
        for change in CHANGES:
            patch = str(patch_of(new, folder, change))
            yield Benchmark(f"diff: {FUNCTION}() patched, {change}", ("diff", str(new), FUNCTION, "--patch", patch))
    if all(there.values()):
        yield Benchmark(f"diff: {old.name} to {new.name}", ("diff", str(old), str(new)))


def solver_seconds() -> list[float]:
    """What the solver takes for each obligation of the reference model, one after the other in this process."""
    kvm = ReferenceKvm()
    return [
        decide(claim.obligation, preferred=[way.when for way in claim.ways_to_fail]).seconds
        for theorem in THEOREMS
        for vendor in theorem.vendors
        for claim in theorem.state(kvm, vendor)
    ]


def main() -> None:
    """Measure and print one table."""
    sys.setrecursionlimit(RECURSION)
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="counted runs of each (5)")
    parser.add_argument("--kernel", metavar="SOURCE", help="for prove and ask, instead of Linux 7.2")
    parser.add_argument("--jobs", type=int, metavar="N", help="for mmuproof prove and diff")
    parser.add_argument("--only", metavar="TEXT", default="", help="only subjects whose name contains this")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs must be at least 1")

    table = Table(title=f"mmuproof: medians of {options.runs} runs, in brackets the range")
    table.add_column("subject")
    for heading in ("wall s", "CPU s", "peak MiB", "results", "s a result: median", "slowest"):
        table.add_column(heading, justify="right")
    slowest: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="mmuproof-bench-") as folder:
        for subject in subjects(options.kernel, Path(folder)):
            if options.only not in subject.name:
                continue
            jobs = [] if options.jobs is None or subject.arguments[0] == "ask" else ["--jobs", str(options.jobs)]
            looked_at = measure(subject, jobs, memory=True)
            runs = [measure(subject, jobs) for _ in range(options.runs)]
            results = [result for run in runs for result in run.results]
            table.add_row(
                subject.name,
                _spread([run.wall for run in runs], 2),
                _spread([run.cpu for run in runs], 2),
                f"{looked_at.peak:.0f}",
                "\n".join(f"{count} {verdict}" for verdict, count in runs[0].verdicts.most_common()),
                f"{statistics.median(seconds for seconds, _ in results):.4f}" if results else "-",
                f"{max(results)[0]:.3f}" if results else "-",
            )
            slowest[subject.name] = max(results)[1] if results else "-"
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for name, result in slowest.items():
        console.print(f"Slowest result of {name}: {result}")
    if not options.only:
        obligations = solver_seconds()
        console.print(
            f"Solver, {len(obligations)} obligations of the reference model: "
            f"median {statistics.median(obligations) * 1000:.1f} ms, slowest {max(obligations) * 1000:.1f} ms"
        )
    console.print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}")


def _spread(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}, {max(values):.{digits}f}]"


if __name__ == "__main__":
    main()
