"""Stating theorems, deciding their claims side by side, and one verdict for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from mmuproof.cli.counterexamples import NoSymptom, explain
from mmuproof.cli.results import Counterexample, CutNote, Result
from mmuproof.cli.selection import Task
from mmuproof.cli.watching import Watcher
from mmuproof.lift.errors import Missing, Refused, SourceError, Undefined
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.proofs.known_findings import KnownFinding, Shape, known_as
from mmuproof.proofs.theorem import Claim, always_undefined
from mmuproof.smt.obligation import Answer, Obligation, Verdict
from mmuproof.smt.terms import Bool
from mmuproof.spec.hardware import Hardware

SEVERITY = (Verdict.REFUTED, Verdict.ERROR, Verdict.UNKNOWN, Verdict.VACUOUS, Verdict.PROVED)
"""A theorem's verdict is the first of these that one of its claims has.

REFUTED comes before ERROR because a confirmed counterexample stands by itself, whatever became of the other
claims.
"""


@dataclass(frozen=True)
class Solver:
    """What a run asks of a solver; both have to allow being called from several threads.

    Args:
        decide: decides one obligation, given what is preferred of a counterexample.
        satisfiable: whether some assignment makes a truth value true, None if the budget runs out.
    """

    decide: Callable[[Obligation, Sequence[Bool]], Answer]
    satisfiable: Callable[[Bool], bool | None]


@dataclass(frozen=True)
class _Finding:
    """What became of one claim.

    ``seconds`` is the processor time that it took; ``failure`` an exception that tells more than the reason.
    """

    verdict: Verdict
    reason: str | None = None
    counterexample: Counterexample | None = None
    seconds: float = 0.0
    failure: Exception | None = None


@dataclass(frozen=True)
class _Stated:
    claims: tuple[Claim, ...]
    futures: tuple[Future[_Finding], ...]
    seconds: float


def run(
    tasks: Sequence[Task],
    kvm: Kvm,
    solver: Solver,
    *,
    jobs: int,
    watcher: Watcher,
    known: Sequence[KnownFinding] = (),
    hardware: Hardware | None = None,
) -> tuple[Result, ...]:
    """The verdict on every task, in the order of the tasks.

    Stating happens in this thread alone, all that asks the solver in ``jobs`` threads beside it.

    Args:
        tasks: what is to be proved.
        kvm: the implementation that it is proved of.
        solver: decides it.
        jobs: how many obligations are decided at once.
        watcher: is told how far it has come.
        known: the findings as which counterexamples are recognised.
        hardware: what is known of the processor; nothing if it is not given.

    Raises:
        SourceError: the tree turns out to be unusable.
    """
    pool = ThreadPoolExecutor(jobs)
    try:
        watcher.phase("stating", len(tasks))
        stated: list[_Stated | Result] = []
        for task in tasks:
            stated.append(_state(task, kvm, hardware or Hardware(), solver, pool, watcher))
            watcher.advance()
        watcher.phase("solving", sum(len(each.claims) for each in stated if isinstance(each, _Stated)))
        return tuple(
            each if isinstance(each, Result) else _conclude(task, each, watcher, known)
            for task, each in zip(tasks, stated, strict=True)
        )
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _state(
    task: Task, kvm: Kvm, hardware: Hardware, solver: Solver, pool: ThreadPoolExecutor, watcher: Watcher
) -> _Stated | Result:
    start = time.thread_time()

    def ended(verdict: Verdict, reason: str) -> Result:
        theorem = task.theorem
        return Result(
            theorem.name,
            task.vendor,
            verdict,
            time.thread_time() - start,
            reason,
            assumptions=theorem.assumes,
            source=theorem.source,
        )

    try:
        claims = tuple(claim.on(hardware) for claim in task.theorem.state(kvm, task.vendor))
    except (NotThere, Missing) as missing:
        return ended(Verdict.NOT_APPLICABLE, f"not defined: {', '.join(missing.names)}")
    except Undefined as undefined:
        claims = (always_undefined(undefined.location or "an unknown place", undefined.reason),)
    except Refused as refused:
        watcher.failure(_name(task), refused)
        return ended(Verdict.ERROR, refused.message)
    except SourceError:
        raise
    except Exception as error:
        # One theorem that cannot be stated must not keep the others from being decided.
        watcher.failure(_name(task), error)
        return ended(Verdict.ERROR, f"stating it failed: {_described(error)}")
    if not claims:
        return ended(Verdict.ERROR, "the theorem states no claim")
    seconds = time.thread_time() - start
    return _Stated(claims, tuple(pool.submit(_find, claim, solver) for claim in claims), seconds)


def _conclude(task: Task, stated: _Stated, watcher: Watcher, known: Sequence[KnownFinding]) -> Result:
    seconds = stated.seconds
    findings = []
    for future in stated.futures:
        finding = future.result()
        findings.append(finding)
        seconds += finding.seconds
        if finding.failure is not None:
            watcher.failure(_name(task), finding.failure)
        watcher.advance()
    told = _tell(task, stated.claims, findings, known)
    theorem = task.theorem
    labels = (assumption.label for each in stated.claims for assumption in each.assumptions)
    cuts = (CutNote(cut.function, cut.at, cut.reason) for each in stated.claims for cut in each.evidence.cuts)
    return Result(
        theorem.name,
        task.vendor,
        told.worst.verdict,
        seconds,
        told.reason,
        assumptions=tuple(dict.fromkeys((*theorem.assumes, *labels))),
        cuts=tuple(dict.fromkeys(cuts)),
        counterexample=told.worst.counterexample,
        source=theorem.source,
        refuted=told.refuted,
        known=told.known,
    )


@dataclass(frozen=True)
class _Decided:
    """A claim with what became of it; ``known`` is the number of the known finding that its counterexample is."""

    claim: Claim
    finding: _Finding
    shape: Shape | None
    known: int | None

    @property
    def rank(self) -> tuple[int, bool]:
        """What is told first; of what is refuted that is what is not known."""
        return SEVERITY.index(self.finding.verdict), self.known is not None

    @property
    def reason(self) -> str | None:
        """Why, with the part of the theorem."""
        reason = self.finding.reason
        return f"{self.claim.part}: {reason}" if reason is not None and self.claim.part else reason


@dataclass(frozen=True)
class _Told:
    """What a theorem's findings come to: the worst of them, why, and whether all that is wrong is known."""

    worst: _Finding
    reason: str | None
    refuted: tuple[Shape, ...]
    known: tuple[int, ...]


def _decided(task: Task, claim: Claim, finding: _Finding, known: Sequence[KnownFinding]) -> _Decided:
    if finding.counterexample is None:
        return _Decided(claim, finding, None, None)
    told = finding.counterexample
    shape = Shape(task.theorem.name, task.vendor, claim.part, told.symptom, told.place)
    return _Decided(claim, finding, shape, known_as(shape, known))


def _tell(task: Task, claims: Sequence[Claim], findings: Sequence[_Finding], known: Sequence[KnownFinding]) -> _Told:
    pairs = zip(claims, findings, strict=True)
    decided = sorted((_decided(task, *pair, known) for pair in pairs), key=lambda each: each.rank)
    worst = decided[0]
    wrong = [each for each in decided if each.finding.verdict is not Verdict.PROVED]
    numbers = tuple(dict.fromkeys(each.known for each in wrong if each.known is not None))
    others = [each for each in wrong if each.known is None]
    reason = worst.reason
    if worst.known is not None:
        reason = f"known finding {', '.join(map(str, numbers))}: {reason}"
        if others:
            reason += f" Besides, {others[0].finding.verdict.value}: {others[0].reason}"
    shapes = tuple(dict.fromkeys(each.shape for each in decided if each.shape is not None))
    return _Told(worst.finding, reason, shapes, () if others else numbers)


def _find(claim: Claim, solver: Solver) -> _Finding:
    """Decide a claim and tell its counterexample, in a thread of the pool: a signal does not reach one that solves."""
    try:
        answer = solver.decide(claim.obligation, [way.when for way in claim.ways_to_fail])
    except Exception as error:
        return _Finding(Verdict.ERROR, f"deciding it failed: {_described(error)}", failure=error)
    start = time.thread_time()
    found = _finding_of(claim, answer, solver)
    return replace(found, seconds=answer.seconds + time.thread_time() - start)


def _finding_of(claim: Claim, answer: Answer, solver: Solver) -> _Finding:
    if answer.verdict is Verdict.VACUOUS:
        return _Finding(answer.verdict, f"the assumptions contradict each other: {'; '.join(answer.core)}")
    if answer.verdict is not Verdict.REFUTED:
        return _Finding(answer.verdict, answer.reason)
    if answer.assignment is None:
        return _Finding(Verdict.ERROR, "the solver refutes it without a counterexample")
    try:
        told = explain(claim, answer.assignment, solver.satisfiable)
    except NoSymptom as error:
        return _Finding(Verdict.ERROR, str(error))
    except Exception as error:
        return _Finding(Verdict.ERROR, f"telling its counterexample failed: {_described(error)}", failure=error)
    return _Finding(Verdict.REFUTED, told.sentence, told)


def _name(task: Task) -> str:
    return f"{task.theorem.name} {task.vendor.value}"


def _described(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
