"""`mmuproof prove`: decide theorems, report, and say with the exit status how it went."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mmuproof.cli.formats.asked import asked_formats
from mmuproof.cli.formats.reporter import Reporter
from mmuproof.cli.prove.command import ProveRequest
from mmuproof.cli.prove.known import remarks
from mmuproof.cli.prove.left_out import LeftOut
from mmuproof.cli.prove.saved import SavedResults
from mmuproof.cli.shared.caching import NO_RESULTS, RESULTS, cache_folder
from mmuproof.cli.shared.catalogue import ALL_DEFECTS, AskedKernel, Catalogue, Renamed, with_own
from mmuproof.cli.shared.configuring import given_config
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.hardware import read_hardware, settings_text, unused
from mmuproof.cli.shared.json_file import check_writable
from mmuproof.cli.shared.naming import given_names
from mmuproof.cli.shared.results import CarriedNames, KernelIdentity, Report
from mmuproof.cli.shared.selection import select_defect, select_tasks
from mmuproof.cli.shared.subject import opened_subject
from mmuproof.cli.telling.report import print_report
from mmuproof.cli.telling.results_file import report_content
from mmuproof.lift.ran import collected
from mmuproof.proofs.known_findings import KnownFinding, known_in

if TYPE_CHECKING:
    from mmuproof.model.lifted.bodies import KernelBodies

_SHARE = 64
"""Results for which a process of their own is worth while: each has to lift for itself what it needs."""


def prove(request: ProveRequest, catalogue: Catalogue, output: Output) -> int:
    """Prove what is asked for; the exit status.

    Raises:
        UsageProblem: the run could not start, or the results file could not be written.
    """
    start = time.perf_counter()
    catalogue = with_own(catalogue, request.own)
    every, carried, exhibits = request.defect == ALL_DEFECTS, CarriedNames(), None
    if every and request.vendors:
        raise UsageProblem("--defect all takes every vendor for which a theorem is stated: no --vendor")
    tasks = select_tasks(catalogue.theorems(), request.theorems, request.vendors)
    defect = None if request.defect is None or every else select_defect(catalogue.defects(), request.defect)
    hardware = read_hardware(request.erratum, request.errata)
    config, names = given_config(request.config), given_names(request.names)
    formats = asked_formats(request)
    reporter = Reporter(formats, output)
    if request.guest is not None:
        check_writable(request.guest)

    # Only now: the solver takes longer to load than a mistake on the command line takes to find.
    from mmuproof.cli.prove.carrying import NOT_FOUND, NOT_RIGHT, carry_over
    from mmuproof.cli.prove.cases import report_run, trials_run
    from mmuproof.cli.prove.running import run
    from mmuproof.cli.prove.table_of_trials import print_trials, trials_content
    from mmuproof.cli.prove.trials import Trials, Trying
    from mmuproof.cli.shared.solving import Solver
    from mmuproof.smt import backend

    budget = backend.DEFAULT_BUDGET if request.budget is None else request.budget
    asked = None
    if request.source is not None:
        asked = AskedKernel(
            source=request.source,
            edits=() if defect is None else defect.edits,
            config=config,
            # With a defect in it a tree is to be seen as it is.
            renamed=Renamed(request.like, names) if request.defect is None else None,
        )
    with (
        output.progress(verbose=request.verbose) as watcher,
        opened_subject(asked, defect, catalogue, watcher) as subject,
    ):
        ask = Solver.within(budget)
        identity = replace(
            subject.identity,
            hardware=settings_text(hardware),
            errata="" if request.errata is None else str(request.errata),
            theorems=tuple(map(str, request.own)),
        )
        saved = _saved(request, identity, budget, subject.bodies) if subject.is_kept else SavedResults(None, ())
        recalled = saved.recall(() if every else tasks)
        left = [task for task in tasks if task not in recalled.results]
        processes = min(request.jobs, 1 + len(left) // _SHARE)
        if subject.read_ahead is not None and (every or processes > 1):
            subject.read_ahead()
        known_read = None
        if recalled.known is not None:
            known: Sequence[KnownFinding] = tuple(
                each for each in catalogue.known_findings() if each.number in recalled.known
            )
        else:
            with collected() as ran:
                known = known_in(subject.kvm, catalogue.known_findings(), subject.release)
            known_read = ran.read()
        if every:
            trying = Trying(tasks=tasks, subject=subject, solver=ask, known=known, hardware=hardware)
            trials, unfit = trying.all(tuple(catalogue.defects().values()), request.jobs, watcher)
        else:
            deciding = partial(
                run,
                solver=ask,
                processes=processes,
                watcher=watcher,
                known=known,
                hardware=hardware,
                release=subject.identity.version,
                left_out=LeftOut(subject.identity.left_out),
            )
            proved = deciding(left, subject.kvm) if left else ()
            saved.keep(proved, [each.number for each in known], known_read)
            found = {**recalled.results, **{task: each.result for task, each in zip(left, proved, strict=True)}}
            results = tuple(found[task] for task in tasks)
            if subject.under_former_names is not None:
                # Whoever has not named an earlier kernel waits for no other names before a counterexample is told.
                wanted = NOT_RIGHT if request.like is not None or names else NOT_FOUND
                results, carried = carry_over(tasks, results, subject.under_former_names, deciding, wanted)
            if formats.is_page:
                from mmuproof.cli.prove.exhibits import exhibits_of

                watcher.phase("drawing")
                exhibits = exhibits_of(subject, identity, tasks, results, f"Z3 {backend.version()}")
    theorems = [each.theorem for each in tasks]
    seconds, solvers = time.perf_counter() - start, {"z3": backend.version()}
    if every:
        trying_report = Trials(kernel=identity, trials=trials, unfit=unfit, seconds=seconds, solvers=solvers)
        found_run = reporter.judged(trials_run(trying_report, theorems))
        print_trials(reporter.console, trying_report, verbose=request.verbose)
        return reporter.deliver(found_run, partial(trials_content, trying_report))
    report = Report(
        kernel=identity,
        results=results,
        seconds=seconds,
        solvers=solvers,
        allow_known=request.allow_known,
        remarks=(*remarks(results, known), *unused(hardware, results)),
        carried=carried,
        saved=len(recalled.results),
    )
    found_run = reporter.judged(report_run(report, theorems))
    print_report(reporter.console, report, found_run, verbose=request.verbose)
    if request.guest is not None:
        from mmuproof.cli.guests.guest_file import write_guest

        write_guest(results, request.guest, reporter.console)
    return reporter.deliver(found_run, partial(report_content, report), exhibits)


def _saved(request: ProveRequest, identity: KernelIdentity, budget: int, tree: KernelBodies | None) -> SavedResults:
    """The results of earlier runs that asked the same of the same."""
    special = (request.own, request.names, request.errata, request.defect, request.like)
    if not request.cache or NO_RESULTS in os.environ or any(special):
        return SavedResults(None, ())
    given = None if identity.configuration is None else identity.configuration.given
    config = "" if given is None else f"{given.file} {given.digest}"
    # What the tree itself holds is looked at more closely.
    digest = identity.digest if tree is None else ""
    return SavedResults(cache_folder(RESULTS), (digest, config, *identity.hardware, f"budget {budget}"), tree)
