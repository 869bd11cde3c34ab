"""`mmuproof check`: what each commit or patch does to the functions of the MMU, and to the theorems."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from mmuproof.cli.check.cases import checked_run
from mmuproof.cli.check.command import CheckRequest
from mmuproof.cli.check.earlier_runs import EarlierRuns
from mmuproof.cli.check.findings import Checked, CheckedStep
from mmuproof.cli.check.kept_steps import KeptSteps
from mmuproof.cli.check.pieces import SeriesPiece, opened_pieces
from mmuproof.cli.check.report import checked_content, print_step, print_totals
from mmuproof.cli.check.timeline import columns_of, timeline
from mmuproof.cli.check.turning import Known, TreeStep, Turn, Turned, turned
from mmuproof.cli.diff.cases import former_places, witness_places
from mmuproof.cli.diff.claims import claim_of
from mmuproof.cli.diff.exhibits import figures_of
from mmuproof.cli.diff.series_picture import JudgedCommit, functions_figure
from mmuproof.cli.diff.stepwise import StepwiseComparison
from mmuproof.cli.diff.tree_comparison import Selected
from mmuproof.cli.formats.asked import asked_formats
from mmuproof.cli.formats.cases import JudgedRun
from mmuproof.cli.formats.excerpts import quoted
from mmuproof.cli.formats.exhibits import Exhibits, Gallery
from mmuproof.cli.formats.reporter import Reporter
from mmuproof.cli.prove.cases import mentioned
from mmuproof.cli.prove.kept import KeptResults
from mmuproof.cli.prove.left_out import LeftOut
from mmuproof.cli.prove.relatives import BodyLayout
from mmuproof.cli.prove.running import Prover
from mmuproof.cli.shared.caching import NO_RESULTS, STEPS, cache_folder
from mmuproof.cli.shared.catalogue import Catalogue, with_own
from mmuproof.cli.shared.configuring import given_config
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UnusableTree
from mmuproof.cli.shared.identity import kernel_identity
from mmuproof.cli.shared.selection import Task, select_tasks
from mmuproof.cli.shared.solving import Solver
from mmuproof.cli.shared.tree_text import text_in
from mmuproof.cli.shared.unusable import usable
from mmuproof.cli.shared.watching import Watcher
from mmuproof.cli.telling.overview import print_gone
from mmuproof.lift.errors import LimitReached, ParseFailed
from mmuproof.lift.parsing.saved_units import SavedUnits
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.included import Included
from mmuproof.lift.tree.source import KernelTree
from mmuproof.model.lifted.bodies import KernelBodies
from mmuproof.model.lifted.kernel import LiftedKvm, open_kernel
from mmuproof.model.lifted.unit_paths import UNITS
from mmuproof.proofs.known_findings import known_in
from mmuproof.smt import backend
from mmuproof.spec.hardware import Hardware

_C = (".c", ".h")
_OF_X86 = "arch/x86/"


def check(request: CheckRequest, catalogue: Catalogue, output: Output) -> int:
    """Check commit by commit, or patch by patch; the exit status.

    Raises:
        UsageProblem: the run cannot start, or a tree or a patch cannot be used.
    """
    start = time.perf_counter()
    catalogue = with_own(catalogue, request.own)
    tasks = select_tasks(catalogue.theorems(), request.theorems, request.vendors)
    given = given_config(request.config)
    reporter = Reporter(asked_formats(request), output)
    done: list[CheckedStep] = []
    with output.progress(verbose=request.verbose) as watcher, ExitStack() as held, usable():
        kept = _kept(request, tasks, given)
        if request.dask is None:
            steps = steps_here(request, catalogue, kept, watcher, held)
        else:
            # Only now: whoever has no cluster need not have what speaks with one.
            from mmuproof.cli.check.cluster import steps_on_cluster

            steps = steps_on_cluster(request, kept, watcher, held)
        for step in steps:
            done.append(step)
            print_step(reporter.console, step, verbose=request.verbose)
    if done and all(each.unusable for each in done):
        raise UnusableTree(f"no tree can be used: {done[0].name}: {done[0].unusable}")
    report = Checked(
        source=request.source, steps=tuple(done), seconds=time.perf_counter() - start, solvers={"z3": backend.version()}
    )
    run = reporter.judged(checked_run(report, [each.theorem for each in tasks]))
    print_gone(reporter.console, run)
    print_totals(reporter.console, report)
    return reporter.deliver(run, partial(checked_content, report), _exhibits(done, run))


def steps_here(
    request: CheckRequest, catalogue: Catalogue, kept: KeptSteps, watcher: Watcher, held: ExitStack
) -> Iterator[CheckedStep]:
    """What this process finds of each commit or patch.

    Args:
        request: what the user asked for.
        catalogue: where everything is.
        kept: what earlier runs have found of commits.
        watcher: is told how far it has come.
        held: what is to be let go of at the end.

    Raises:
        UsageProblem: a word names nothing.
        LiftError: a tree or a patch cannot be used.
    """
    given = given_config(request.config)
    folder = Path(held.enter_context(TemporaryDirectory(prefix="mmuproof-")))
    earlier = EarlierRuns.of(request, catalogue, given)
    checking = _Checking(
        tasks=select_tasks(catalogue.theorems(), request.theorems, request.vendors),
        solver=Solver.within(request.budget),
        catalogue=catalogue,
        given=given,
        jobs=request.jobs,
        watcher=watcher,
        comparison=StepwiseComparison(folder, given, Selected(jobs=request.jobs), watcher, earlier.units),
        earlier=earlier,
    )
    held.callback(checking.close)
    watcher.phase("reading")
    pieces = opened_pieces(request.what, request.source, lambda commit: kept.find(commit) is not None)
    for piece in held.enter_context(pieces):
        known = kept.find(piece.commit) if piece.commit else None
        found = _found(checking, piece) if known is None else known
        if known is None and piece.commit:
            kept.keep(piece.commit, found)
        yield found


def _found(checking: _Checking, piece: SeriesPiece) -> CheckedStep:
    """What a commit or patch does, or why that cannot be told of a tree before or after it."""
    try:
        return checking.step(piece)
    except (ParseFailed, LimitReached) as failed:
        return CheckedStep(
            name=piece.name,
            subject=piece.subject,
            is_read=True,
            claim=claim_of(piece.message, (), sorted(piece.changed)),
            unusable=failed.message,
        )


def _exhibits(steps: Sequence[CheckedStep], run: JudgedRun) -> Exhibits:
    """What a page shows of a series besides."""
    columns = columns_of(steps)
    commits = [JudgedCommit(column, step.judgements) for column, step in zip(columns, steps, strict=True)]
    drawn = tuple(filter(None, (timeline(steps), functions_figure(commits))))
    says = "What each commit makes of the theorems, and of the functions of the MMU."
    return Exhibits(galleries=(Gallery("The series", says, drawn),) if drawn else (), numbers=figures_of(run.findings))


def _kept(request: CheckRequest, tasks: Sequence[Task], given: DotConfig | None) -> KeptSteps:
    """What earlier runs that asked the same have found of commits; of theorems that are not ours nobody knows."""
    if not request.cache or NO_RESULTS in os.environ or request.own:
        return KeptSteps(None, ())
    asked = (f"{task.theorem.name} {task.vendor.value}" for task in tasks)
    return KeptSteps(cache_folder(STEPS), ("" if given is None else given.digest, f"budget {request.budget}", *asked))


@dataclass(kw_only=True)
class _Checking:
    """One step after the other; what is known of the tree after a step is known of the one before the next."""

    tasks: Sequence[Task]
    solver: Solver
    catalogue: Catalogue
    given: DotConfig | None
    jobs: int
    watcher: Watcher
    comparison: StepwiseComparison
    earlier: EarlierRuns
    _last: _Opened | None = None
    _known: KeptResults | None = None

    def step(self, step: SeriesPiece) -> CheckedStep:
        """What a commit or patch does."""
        start = time.perf_counter()
        if step.trees is None:
            return not_read(step)
        before, after = step.trees
        if self._last is not None and self._last.tree != before:
            self.close()
        old = self._last or _Opened(before, self.given, self.earlier.units)
        new = self._last = _Opened(after, self.given, self.earlier.units, old.kvm, step.changed)
        try:
            found = self.comparison.compare(before, after, step.changed, (old.kvm.units, new.kvm.units))
            theorems = self._turn(step, old, new)
        except BaseException as failed:
            # Nobody waits for what is still being parsed.
            for each in (old, new):
                each.leave(failed)
            self._last = None
            raise
        new.kvm.part()
        old.close()
        for what, failure in () if theorems is None else theorems.failures:
            self.watcher.failure(what, failure)
        turns = () if theorems is None else theorems.turns
        texts = [partial(text_in, tree.root) for tree in step.trees]
        return CheckedStep(
            name=step.name,
            subject=step.subject,
            is_read=True,
            claim=claim_of(step.message, found.judgements, found.outside),
            judgements=found.judgements,
            come=found.come,
            gone=found.gone,
            locals_renamed=found.locals_renamed,
            outside=found.outside,
            turns=turns,
            theorems=0 if theorems is None else len(self.tasks),
            seconds=time.perf_counter() - start,
            lines=quoted((*witness_places(found.judgements), *_places(turns)), texts[1]),
            former_lines=quoted(former_places(found.judgements), texts[0]),
        )

    def close(self) -> None:
        """Let go of the last tree, and of what theorems say of it."""
        if self._last is not None:
            self._last.close()
        self._last, self._known = None, None

    def _turn(self, piece: SeriesPiece, old: _Opened, new: _Opened) -> Turned | None:
        """What becomes of the theorems; None if none looks at what is changed."""
        if not _may_matter(piece.changed, old.tree, new.tree):
            # They say of the tree after it what they say of the one before.
            return None
        self.watcher.phase("parsing")
        known = self._known or self.earlier.find(old.bodies) or KeptResults()
        step = TreeStep.between(known.layout or BodyLayout.of(old.bodies), new.bodies)
        if not self.earlier.are_kept:
            new.kvm.read_ahead()
        found = turned(
            self.tasks,
            self._prover(old),
            self._prover(new),
            Known(known.some(self.tasks), self.earlier.own(new.bodies).some(self.tasks)),
            step,
            processes=self.jobs,
            watcher=self.watcher,
            are_kept=self.earlier.are_kept,
            ahead=partial(_read_ahead, old, new),
        )
        self.earlier.add(old.bodies, found.before, step.before, found.proofs)
        self._known = self.earlier.add(new.bodies, dict(zip(self.tasks, found.said, strict=True)), step.after)
        return found

    def _prover(self, opened: _Opened) -> Prover:
        return Prover(
            kvm=opened.kvm,
            solver=self.earlier.proofs.before(self.solver),
            proofs=self.earlier.proofs,
            known=known_in(opened.kvm, self.catalogue.known_findings(), opened.tree.version),
            hardware=Hardware(),
            release=opened.tree.version,
            left_out=LeftOut(kernel_identity("", opened.tree, opened.kvm.config, "").left_out),
        )


def _places(turns: Sequence[Turn]) -> Iterator[str]:
    """The places of which the counterexamples speak that are new."""
    for each in turns:
        told = each.after.counterexample
        if each.is_new and told is not None:
            yield from (told.at, *(step.at for step in told.steps))
        elif each.is_new:
            yield mentioned(each.after.reason or "")


def not_read(piece: SeriesPiece) -> CheckedStep:
    """What is found of a commit or patch that changes nothing that is read."""
    return CheckedStep(name=piece.name, subject=piece.subject, is_read=False, claim=claim_of(piece.message, (), ()))


class _Opened:
    """A tree with all of its units parsed.

    Args:
        tree: the tree.
        given: the user's configuration.
        saved: where parsed units are kept, if they are.
        like: the kernel of another tree, with which it shares what is the same.
        changed: the files in which the trees differ.
    """

    def __init__(
        self,
        tree: KernelTree,
        given: DotConfig | None,
        saved: SavedUnits | None,
        like: LiftedKvm | None = None,
        changed: frozenset[str] = frozenset(),
    ) -> None:
        self._held = ExitStack()
        self.tree = tree
        self.kvm = self._held.enter_context(open_kernel(tree, given=given, like=like, changed=changed, saved=saved))
        self.bodies = KernelBodies(tree, self.kvm.units)

    def close(self) -> None:
        """Let go of it, once all that was begun is done."""
        self._held.close()

    def leave(self, failed: BaseException) -> None:
        """Let go of it at once, since something has failed."""
        with suppress(BaseException):
            self._held.__exit__(type(failed), failed, failed.__traceback__)


def _read_ahead(old: _Opened, new: _Opened) -> None:
    for each in (old, new):
        each.kvm.read_ahead()


def _may_matter(changed: frozenset[str], *trees: KernelTree) -> bool:
    """Whether theorems may look at some files: they are of a unit, or tell the configuration."""
    if any(not name.endswith(_C) or name.startswith(f"{_OF_X86}kvm/") for name in changed):
        return True
    every = [Included(tree.root) for tree in trees]
    return any(included.reaches(unit, changed) for included in every for unit in UNITS)
