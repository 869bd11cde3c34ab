"""`mmuproof prove --defect all`: every defect put in, one after the other, and which theorems notice it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby

from mmuproof.cli.prove.left_out import LeftOut
from mmuproof.cli.prove.running import SEVERITY, Proved, Prover
from mmuproof.cli.shared.catalogue import NamedDefect, Subject
from mmuproof.cli.shared.forked import side_by_side
from mmuproof.cli.shared.results import KernelIdentity, Result
from mmuproof.cli.shared.selection import Task
from mmuproof.cli.shared.solving import Solver
from mmuproof.cli.shared.watching import Watcher
from mmuproof.lift.errors import LiftError, SourceError
from mmuproof.model.kvm import Kvm
from mmuproof.proofs.known_findings import KnownFinding, known_as
from mmuproof.smt.obligation import Answer, Obligation, Verdict
from mmuproof.smt.terms import Bool
from mmuproof.spec.hardware import Hardware


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What one defect does to one theorem, for all its vendors together.

    Args:
        theorem: the theorem.
        defect: the defect, empty for none.
        verdict: the worst of the vendors'; None if the defect does not fit what it was to be put into.
        symptoms: what the counterexamples show that are no known findings.
        stated: the symptom by which the theorem says that it catches the defect; None if it does not say so.
        reason: in words, where the verdict needs some.
    """

    theorem: str
    defect: str
    verdict: Verdict | None
    symptoms: tuple[str, ...] = ()
    stated: str | None = None
    reason: str | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether the theorem notices what it does not state, or not what it states."""
        if self.verdict is Verdict.REFUTED and self.symptoms:
            return self.stated not in self.symptoms
        return self.stated is not None and not self.is_open

    @property
    def is_open(self) -> bool:
        """Whether it is not known if the theorem notices the defect."""
        if self.verdict in (None, Verdict.NOT_APPLICABLE):
            return self.stated is not None
        return self.verdict not in (Verdict.PROVED, Verdict.REFUTED)


@dataclass(frozen=True, kw_only=True)
class Trials:
    """A whole run; ``unfit`` are the defects that could not be put in, each with the reason."""

    kernel: KernelIdentity
    trials: tuple[Trial, ...]
    unfit: Mapping[str, str]
    seconds: float
    solvers: Mapping[str, str] = field(default_factory=dict)


class _DoesNotFitError(Exception):
    """A defect is none of what it is to be put into."""


@dataclass(frozen=True, kw_only=True)
class Trying:
    """How defects are tried.

    Args:
        tasks: what is proved each time.
        subject: what the defects are put into.
        solver: decides it.
        known: the findings that are no defect's doing.
        hardware: what is known of the processor.
    """

    tasks: Sequence[Task]
    subject: Subject
    solver: Solver
    known: Sequence[KnownFinding]
    hardware: Hardware

    def all(
        self, defects: Sequence[NamedDefect], processes: int, watcher: Watcher
    ) -> tuple[tuple[Trial, ...], Mapping[str, str]]:
        """What each defect, and none, does to each theorem; and which do not fit, with the reason."""
        # A process that is ended leaves its temporary files behind, but not outside of this folder.
        with tempfile.TemporaryDirectory(prefix="mmuproof-") as folder:
            trying = replace(self, solver=_remembering(self.solver))
            watcher.phase("proving without a defect")
            # In this process, so that it is known of what the theorems speak.
            without = trying.one(None)
            near = [each for each in defects if self._may_matter(each, without)]
            watcher.phase("trying defects", len(near))
            found = dict(
                zip(
                    (each.name for each in near),
                    side_by_side(_TryingInFolder(trying, folder).one, near, processes, watcher.advance),
                    strict=True,
                )
            )
        # What no theorem has looked at changes nothing for it.
        outcomes = {"": without} | {each.name: found.get(each.name, without) for each in defects}
        for name, outcome in outcomes.items():
            for proved in () if isinstance(outcome, str) else outcome:
                for failure in proved.failures:
                    watcher.failure(f"{proved.result.theorem} {proved.result.vendor.value} {name}".rstrip(), failure)
        trials = tuple(
            self._trial(theirs, name, outcome)
            for _, group in groupby(enumerate(self.tasks), key=lambda each: each[1].theorem.name)
            for theirs in [list(group)]
            for name, outcome in outcomes.items()
        )
        return trials, {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, str)}

    def one(self, defect: NamedDefect | None) -> list[Proved] | str:
        """What becomes of each task; or why the defect does not fit."""
        try:
            with _with_defect(self.subject, defect) as kvm:
                prover = Prover(
                    kvm=kvm,
                    solver=self.solver,
                    known=self.known,
                    hardware=self.hardware,
                    left_out=LeftOut(self.subject.identity.left_out),
                )
                return prover.all(self.tasks)
        except (_DoesNotFitError, SourceError) as error:
            return " ".join(str(error).split())

    def _may_matter(self, defect: NamedDefect, without: Sequence[Proved] | str) -> bool:
        """Whether what a defect changes may have had a part in what is proved without it."""
        if self.subject.bodies is None or not defect.edits or isinstance(without, str):
            return True
        try:
            changed = self.subject.bodies.changed_by(defect.edits)
        except LiftError:
            return True
        return changed is None or any(
            each.read is None or each.read.assertions or not each.read.bodies.isdisjoint(changed) for each in without
        )

    def _trial(self, tasks: Sequence[tuple[int, Task]], defect: str, outcome: Sequence[Proved] | str) -> Trial:
        theorem = tasks[0][1].theorem
        stated = next((each.symptom for each in theorem.catches if each.defect == defect), None)
        if isinstance(outcome, str):
            return Trial(theorem=theorem.name, defect=defect, verdict=None, stated=stated, reason=outcome)
        results = [outcome[index].result for index, _ in tasks]
        worst = min(results, key=lambda each: _ORDER.index(each.verdict))
        return Trial(
            theorem=theorem.name,
            defect=defect,
            verdict=worst.verdict,
            symptoms=tuple(dict.fromkeys(symptom for each in results for symptom in self._symptoms(each))),
            stated=stated,
            reason=worst.reason,
        )

    def _symptoms(self, result: Result) -> Iterator[str]:
        yield from (each.symptom for each in result.refuted if known_as(each, self.known) is None)


_ORDER = (*SEVERITY, Verdict.NOT_APPLICABLE)


@dataclass(frozen=True)
class _TryingInFolder:
    """The same in a process of its own, that has its temporary files in a folder."""

    trying: Trying
    folder: str

    def one(self, defect: NamedDefect | None) -> list[Proved] | str:
        """What becomes of each task; or why the defect does not fit."""
        tempfile.tempdir = self.folder
        return self.trying.one(defect)


@contextmanager
def _with_defect(subject: Subject, defect: NamedDefect | None) -> Iterator[Kvm]:
    if defect is None:
        yield subject.kvm
    elif subject.edited is not None:
        if not defect.edits:
            raise _DoesNotFitError("it is one of the reference model")
        with subject.edited(defect.edits) as kvm:
            yield kvm
    elif defect.on_reference is None:
        raise _DoesNotFitError("the reference model cannot have it")
    else:
        yield defect.on_reference()


def _remembering(solver: Solver) -> Solver:
    """A solver that is not asked again what it has proved: a defect leaves nearly all claims as they are."""
    proved: set[Obligation] = set()

    def kept(obligation: Obligation, answer: Answer | None) -> Answer | None:
        if answer is not None and answer.verdict is Verdict.PROVED:
            proved.add(obligation)
        return answer

    def prove(obligations: Sequence[Obligation]) -> Sequence[Answer | None]:
        left = [each for each in obligations if each not in proved]
        answers = dict(zip(left, solver.prove(left), strict=True))
        return [
            kept(each, answers[each]) if each in answers else Answer(verdict=Verdict.PROVED, seconds=0.0)
            for each in obligations
        ]

    def decide(obligation: Obligation, preferred: Sequence[Bool]) -> Answer:
        answer = solver.decide(obligation, preferred)
        kept(obligation, answer)
        return answer

    return Solver(decide, solver.satisfiable, prove)
