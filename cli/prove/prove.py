"""`mmuproof prove`: decide theorems, report, and say with the exit status how it went."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from mmuproof.cli.formats.asked import asked_formats
from mmuproof.cli.formats.reporter import Reporter
from mmuproof.cli.prove.cases import report_run, trials_run
from mmuproof.cli.prove.command import ProveRequest
from mmuproof.cli.prove.whole_runs import WholeRuns
from mmuproof.cli.shared.caching import TREES, cache_folder
from mmuproof.cli.shared.catalogue import ALL_DEFECTS, Catalogue, with_own
from mmuproof.cli.shared.configuring import given_config
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.json_file import check_writable
from mmuproof.cli.shared.unusable import usable
from mmuproof.cli.shared.watching import Watcher
from mmuproof.cli.telling.report import print_report
from mmuproof.cli.telling.results_file import report_content
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.source import KernelTree, open_source


def prove(request: ProveRequest, catalogue: Catalogue, output: Output) -> int:
    """Prove what is asked for; the exit status.

    Raises:
        UsageProblem: the run could not start, or the results file could not be written.
    """
    start = time.perf_counter()
    if request.defect == ALL_DEFECTS and request.vendors:
        raise UsageProblem("--defect all takes every vendor for which a theorem is stated: no --vendor")
    catalogue, config = with_own(catalogue, request.own), given_config(request.config)
    formats = asked_formats(request)
    reporter = Reporter(formats, output)
    if request.guest is not None:
        check_writable(request.guest)
    if request.defect == ALL_DEFECTS:
        return _try_defects(request, catalogue, config, reporter, output)
    whole_runs = WholeRuns.like(request, config, catalogue)
    with output.progress(verbose=request.verbose) as watcher, ExitStack() as held:
        tree, found, exhibits = None, None, None
        if whole_runs.are_some and not formats.is_page:
            tree = None if request.source is None else _opened(request.source, watcher, held)
            with usable():
                found = whole_runs.find("" if tree is None else tree.digest)
        if found is None:
            # Only now: what decides takes longer to load than what an earlier run has found.
            from mmuproof.cli.prove.deciding import Deciding

            deciding = held.enter_context(Deciding.opened(request, catalogue, config, tree, watcher))
            found = deciding.decide(whole_runs)
            exhibits = deciding.exhibits(found) if formats.is_page else None
    report = replace(found.report, seconds=time.perf_counter() - start, allow_known=request.allow_known)
    found_run = reporter.judged(report_run(report, found.rules))
    print_report(reporter.console, report, found_run, verbose=request.verbose)
    if request.guest is not None:
        from mmuproof.cli.guests.guest_file import write_guest

        write_guest(report.results, request.guest, reporter.console)
    return reporter.deliver(found_run, partial(report_content, report), exhibits)


def _opened(source: str, watcher: Watcher, held: ExitStack) -> KernelTree:
    watcher.phase("reading the tree")
    with usable():
        return held.enter_context(open_source(source, cache=cache_folder(TREES)))


def _try_defects(
    request: ProveRequest, catalogue: Catalogue, config: DotConfig | None, reporter: Reporter, output: Output
) -> int:
    """Put every defect in, one after the other; the exit status."""
    from mmuproof.cli.prove.deciding import Deciding
    from mmuproof.cli.prove.table_of_trials import print_trials, trials_content

    start = time.perf_counter()
    with (
        output.progress(verbose=request.verbose) as watcher,
        Deciding.opened(request, catalogue, config, None, watcher) as deciding,
    ):
        trials = replace(deciding.try_defects(), seconds=time.perf_counter() - start)
        theorems = [each.theorem for each in deciding.tasks]
    found_run = reporter.judged(trials_run(trials, theorems))
    print_trials(reporter.console, trials, verbose=request.verbose)
    return reporter.deliver(found_run, partial(trials_content, trials))
