"""Measure ``mmuproof prove``: on the reference model, and on Linux 7.2 where it is in the kernels' cache.

Each run is a process of its own.  Of the process: wall-clock time, processor time of all its threads
and children, and peak resident memory; of its results file: the processor time of each result, which is one
theorem for one vendor, stated, decided and told.  Medians are over the runs, after one run that is not counted.
The solver's share of one obligation is measured apart.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from rich.console import Console
from rich.table import Table

from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.smt.solver import decide

MMUPROOF = Path(sys.executable).with_name("mmuproof")
# Everything was decided, or something was refuted, or something could not be decided.
DECIDED = (0, 1, 3)


@dataclass(frozen=True)
class Run:
    """One run: seconds, seconds, MiB, seconds and name of each result, and how many of each verdict."""

    wall: float
    cpu: float
    peak: float
    results: tuple[tuple[float, str], ...]
    verdicts: Counter[str]


def measure(arguments: list[str]) -> Run:
    """Run ``mmuproof prove`` once.

    Raises:
        SystemExit: it did not run to its end.
    """
    with tempfile.TemporaryDirectory(prefix="mmuproof-bench-") as folder:
        report, log = Path(folder, "results.json"), Path(folder, "log")
        command = [str(MMUPROOF), "prove", *arguments, "--json", str(report)]
        with log.open("wb") as output:
            start = time.perf_counter()
            child = os.posix_spawn(command[0], command, os.environ, file_actions=[
                (os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, output.fileno(), 2),
            ])  # fmt: skip
            _, ended, used = os.wait4(child, 0)
            wall = time.perf_counter() - start
        status = os.waitstatus_to_exitcode(ended)
        if status not in DECIDED or not report.is_file():
            sys.stderr.write(log.read_text(errors="replace"))
            sys.exit(f"bench: {' '.join(command)}: exit status {status}")
        results = json.loads(report.read_text())["results"]
    return Run(
        wall,
        used.ru_utime + used.ru_stime,
        used.ru_maxrss / 1024,
        tuple((float(result["seconds"]), f"{result['theorem']} {result['vendor']}") for result in results),
        Counter(str(result["verdict"]) for result in results),
    )


def subjects(kernel: str | None) -> dict[str, list[str]]:
    """What is measured, and the options for it."""
    found = {"reference model": list[str]()}
    if kernel is None:
        cache = os.environ.get("MMUPROOF_KERNELS") or platformdirs.user_cache_path("mmuproof") / "kernels"
        tree = Path(cache, "linux-7.2")
        if not (tree / "Makefile").is_file():
            sys.stderr.write("bench: Linux 7.2 is not measured: it is not in the cache (make kernels)\n")
            return found
        kernel = str(tree)
    found[Path(kernel).name] = ["--kernel", kernel]
    return found


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
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="counted runs of each (5)")
    parser.add_argument("--kernel", metavar="SOURCE", help="instead of Linux 7.2 of the kernels' cache")
    parser.add_argument("--jobs", type=int, metavar="N", help="for mmuproof prove")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    jobs = [] if options.jobs is None else ["--jobs", str(options.jobs)]

    table = Table(title=f"mmuproof prove: medians of {options.runs} runs, in brackets the range")
    table.add_column("subject")
    for heading in ("wall s", "CPU s", "peak MiB", "results", "CPU s a result: median", "slowest"):
        table.add_column(heading, justify="right")
    slowest: dict[str, str] = {}
    for name, arguments in subjects(options.kernel).items():
        measure([*arguments, *jobs])
        runs = [measure([*arguments, *jobs]) for _ in range(options.runs)]
        results = [result for run in runs for result in run.results]
        table.add_row(
            name,
            _spread([run.wall for run in runs], 2),
            _spread([run.cpu for run in runs], 2),
            _spread([run.peak for run in runs], 0),
            "\n".join(f"{count} {verdict}" for verdict, count in runs[0].verdicts.most_common()),
            f"{statistics.median(seconds for seconds, _ in results):.4f}" if results else "-",
            f"{max(results)[0]:.3f}" if results else "-",
        )
        slowest[name] = max(results)[1] if results else "-"
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for name, result in slowest.items():
        console.print(f"Slowest result of {name}: {result}")
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
