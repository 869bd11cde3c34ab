"""`mmuproof coverage`: of which lines theorems speak."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import partial

from mmuproof.cli.coverage.command import CoverageRequest
from mmuproof.cli.coverage.measured import Covered, measured, reasons_without_function
from mmuproof.cli.coverage.report import Coverage, coverage_content, print_coverage
from mmuproof.cli.coverage.speaking import spoken_of
from mmuproof.cli.shared.catalogue import AskedKernel, Catalogue, with_own
from mmuproof.cli.shared.configuring import given_config
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.forked import side_by_side
from mmuproof.cli.shared.json_file import beside_json, check_writable
from mmuproof.cli.shared.naming import is_pattern, near
from mmuproof.cli.shared.selection import select_theorems
from mmuproof.cli.shared.unusable import usable
from mmuproof.model.lifted.functions import KernelFunctions

_GREEN = 0


def coverage(request: CoverageRequest, catalogue: Catalogue, output: Output) -> int:
    """Tell of which lines theorems speak; the exit status.

    Raises:
        UsageProblem: the run could not start, nothing is selected, or the results file could not be written.
    """
    catalogue = with_own(catalogue, request.own)
    theorems = select_theorems(catalogue.theorems(), request.by)
    asked = AskedKernel(source=request.source, config=given_config(request.config))
    if request.json is not None:
        check_writable(request.json)
    read: list[KernelFunctions] = []
    with usable(), output.progress(verbose=False) as watcher, catalogue.kernel(asked, watcher) as subject:
        if subject.read_ahead is not None:
            subject.read_ahead()
        watcher.phase("stating", len(theorems))
        functions = subject.functions
        assert functions is not None
        # A copy of this process states the theorems, while this one reads functions.
        spoken = side_by_side(
            partial(spoken_of, kvm=subject.kvm), theorems, 1, watcher.advance, lambda: read.append(functions())
        )
    every = measured(read[0].functions, spoken)
    report = Coverage(
        kernel=subject.identity,
        functions=_selected(every, request.functions),
        is_all=not request.functions,
        not_stated=tuple(why for each in spoken for why in each.not_stated),
        not_read=read[0].not_read,
        gone=reasons_without_function(read[0].functions),
    )
    with beside_json(request.json, output, partial(coverage_content, report)) as console:
        print_coverage(console, report, lines=request.lines)
    return _GREEN


def _selected(functions: Sequence[Covered], wanted: Sequence[str]) -> tuple[Covered, ...]:
    """The functions that names or shell patterns select; all if there are none.

    Raises:
        UsageProblem: a name or a pattern selects nothing.
    """
    chosen: set[int] = set(range(len(functions)) if not wanted else ())
    names = [{each.function.name, *each.function.names} for each in functions]
    for pattern in wanted:
        found = {number for number, these in enumerate(names) if any(fnmatchcase(name, pattern) for name in these)}
        found |= {number for number, these in enumerate(names) if pattern in these}
        if not found:
            verb = "matches" if is_pattern(pattern) else "is called"
            known = sorted(name for these in names for name in these)
            raise UsageProblem(f"no function that is listed {verb} {pattern!r}{near(pattern, known)}")
        chosen |= found
    return tuple(each for number, each in enumerate(functions) if number in chosen)
