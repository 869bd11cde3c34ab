"""Deciding what `mmuproof prove` is asked: with the theorems, a solver and, of a kernel tree, the C front end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from mmuproof.cli.formats.exhibits import Exhibits
from mmuproof.cli.prove.carrying import NOT_FOUND, NOT_RIGHT, carry_over, doubts, is_new_refuted
from mmuproof.cli.prove.cases import rules_of
from mmuproof.cli.prove.command import ProveRequest
from mmuproof.cli.prove.known import remarks
from mmuproof.cli.prove.left_out import LeftOut
from mmuproof.cli.prove.running import Workforce, run
from mmuproof.cli.prove.saved import SavedResults, all_else
from mmuproof.cli.prove.trials import Trials, Trying
from mmuproof.cli.prove.whole_runs import WholeRun, WholeRuns, may_be_kept
from mmuproof.cli.shared.caching import NO_RESULTS, PROOFS, RESULTS, cache_folder
from mmuproof.cli.shared.catalogue import ALL_DEFECTS, AskedKernel, Catalogue, Renamed, Subject
from mmuproof.cli.shared.hardware import read_hardware, settings_text, unused
from mmuproof.cli.shared.known_proofs import KnownProofs
from mmuproof.cli.shared.naming import given_names
from mmuproof.cli.shared.results import CarriedNames, KernelIdentity, Report
from mmuproof.cli.shared.selection import Task, select_defect, select_tasks
from mmuproof.cli.shared.solving import Solver
from mmuproof.cli.shared.subject import opened_subject
from mmuproof.cli.shared.watching import Watcher
from mmuproof.lift.ran import collected
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.source import KernelTree
from mmuproof.proofs.known_findings import KnownFinding, known_in
from mmuproof.smt import backend
from mmuproof.spec.hardware import Hardware


@dataclass(frozen=True, kw_only=True)
class Deciding:
    """What is to be decided, of which kernel.

    Args:
        request: what the user asked for.
        catalogue: where theorems, defects and known findings are.
        tasks: the theorems that are meant.
        hardware: what is known of the processor.
        subject: the kernel, which is open.
        identity: what a report says of it.
        watcher: is told how far the run has come.
    """

    request: ProveRequest
    catalogue: Catalogue
    tasks: Sequence[Task]
    hardware: Hardware
    subject: Subject
    identity: KernelIdentity
    watcher: Watcher

    @classmethod
    @contextmanager
    def opened(
        cls,
        request: ProveRequest,
        catalogue: Catalogue,
        config: DotConfig | None,
        tree: KernelTree | None,
        watcher: Watcher,
    ) -> Iterator[Deciding]:
        """What a user asks for, as long as the ``with`` block lasts.

        Args:
            request: what the user asked for.
            catalogue: where everything is.
            config: the user's configuration.
            tree: the kernel tree, if it is open already.
            watcher: is told how far the run has come.

        Raises:
            UsageProblem: something that was named is not there.
        """
        every = request.defect == ALL_DEFECTS
        tasks = select_tasks(catalogue.theorems(), request.theorems, request.vendors)
        defect = None if request.defect is None or every else select_defect(catalogue.defects(), request.defect)
        hardware, names = read_hardware(request.erratum, request.errata), given_names(request.names)
        asked = None
        if request.source is not None:
            asked = AskedKernel(
                source=request.source,
                edits=() if defect is None else defect.edits,
                config=config,
                # With a defect in it a tree is to be seen as it is.
                renamed=Renamed(request.like, names) if request.defect is None else None,
                tree=tree,
                parsed_anew=not request.cache,
            )
        with opened_subject(asked, defect, catalogue, watcher) as subject:
            identity = replace(
                subject.identity,
                hardware=settings_text(hardware),
                errata="" if request.errata is None else str(request.errata),
                theorems=tuple(map(str, request.own)),
            )
            yield cls(
                request=request,
                catalogue=catalogue,
                tasks=tasks,
                hardware=hardware,
                subject=subject,
                identity=identity,
                watcher=watcher,
            )

    def decide(self, whole_runs: WholeRuns) -> WholeRun:
        """The verdicts, as far as an earlier run does not know them; they are kept.

        Raises:
            LiftError: the tree turns out to be unusable.
        """
        subject = self.subject
        is_used = self.request.cache and NO_RESULTS not in os.environ
        proofs = KnownProofs(cache_folder(PROOFS) if is_used else None, self._budget)
        saved = self._saved() if subject.is_kept else SavedResults(None, ())
        recalled = saved.recall(self.tasks)
        left = [task for task in self.tasks if task not in recalled.results]
        workforce = Workforce.of(len(left), self.request.jobs, is_kept=bool(recalled.results))
        if subject.read_ahead is not None and workforce.reads_ahead:
            subject.read_ahead()
        known_read = None
        if recalled.known is not None:
            every = self.catalogue.known_findings()
            known: Sequence[KnownFinding] = tuple(each for each in every if each.number in recalled.known)
        else:
            with collected() as ran:
                known = self._known()
            known_read = ran.read()
        deciding = partial(
            run,
            solver=self._solver,
            processes=workforce.processes,
            watcher=self.watcher,
            known=known,
            hardware=self.hardware,
            release=subject.identity.version,
            left_out=LeftOut(subject.identity.left_out),
            proofs=proofs,
        )
        proved = deciding(left, subject.kvm) if left else ()
        proofs.keep(each for one in proved for each in one.proofs.new)
        is_kept = saved.keep(proved, [each.number for each in known], known_read)
        found = {**recalled.results, **{task: each.result for task, each in zip(left, proved, strict=True)}}
        results, carried = tuple(found[task] for task in self.tasks), CarriedNames()
        gone: Sequence[str] = ()
        if subject.under_former_names is not None:
            # A counterexample of a tree that has all names is told at once: no other names are waited for.
            gone = subject.gone() if is_new_refuted(results) else ()
            wanted = NOT_RIGHT if gone or self._is_said_to_be_renamed else NOT_FOUND
            results, carried = carry_over(self.tasks, results, subject.under_former_names, deciding, wanted)
        report = Report(
            kernel=self.identity,
            results=results,
            seconds=0,
            solvers={"z3": backend.version()},
            remarks=(*remarks(results, known), *unused(self.hardware, results), *doubts(results, gone, carried)),
            carried=carried,
            saved=len(recalled.results),
            known_claims=sum(each.proofs.known for each in proved),
        )
        found_run = WholeRun(report=report, rules=tuple(rules_of(each.theorem for each in self.tasks).values()))
        if is_kept:
            whole_runs.keep(self.identity.digest if self.request.source is not None else "", found_run)
        return found_run

    def exhibits(self, found: WholeRun) -> Exhibits:
        """What a page shows besides."""
        # Only now: pictures are for who wants a page.
        from mmuproof.cli.prove.exhibits import exhibits_of

        self.watcher.phase("drawing")
        return exhibits_of(self.subject, self.identity, self.tasks, found.report.results, f"Z3 {backend.version()}")

    def try_defects(self) -> Trials:
        """What every defect does to the theorems.

        Raises:
            LiftError: the tree turns out to be unusable.
        """
        if self.subject.read_ahead is not None:
            self.subject.read_ahead()
        trying = Trying(
            tasks=self.tasks, subject=self.subject, solver=self._solver, known=self._known(), hardware=self.hardware
        )
        trials, unfit = trying.all(tuple(self.catalogue.defects().values()), self.request.jobs, self.watcher)
        return Trials(kernel=self.identity, trials=trials, unfit=unfit, seconds=0, solvers={"z3": backend.version()})

    @property
    def _solver(self) -> Solver:
        return Solver.within(self._budget)

    @property
    def _budget(self) -> int:
        return backend.DEFAULT_BUDGET if self.request.budget is None else self.request.budget

    @property
    def _is_said_to_be_renamed(self) -> bool:
        return self.request.like is not None or bool(self.request.names)

    def _known(self) -> Sequence[KnownFinding]:
        return known_in(self.subject.kvm, self.catalogue.known_findings(), self.subject.release)

    def _saved(self) -> SavedResults:
        """The results of earlier runs that asked the same of the same."""
        if not may_be_kept(self.request):
            return SavedResults(None, ())
        given = None if self.identity.configuration is None else self.identity.configuration.given
        config = None if given is None else (given.file, given.digest)
        tree = self.subject.bodies
        of_model = () if tree is not None else (self.identity.digest,)
        rests_on = (*all_else(config, self.hardware, self._budget), *of_model)
        return SavedResults(cache_folder(RESULTS), rests_on, tree)
