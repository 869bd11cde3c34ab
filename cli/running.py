"""Stating theorems, deciding their claims side by side, and one verdict for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from mmuproof.cli.counterexamples import NoSymptom, explain
from mmuproof.cli.results import Counterexample, CutNote, Result
from mmuproof.cli.selection import Task
from mmuproof.cli.watching import Watcher
from mmuproof.lift.errors import Missing, Refused, SourceError, Undefined
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.proofs.theorem import Claim, always_undefined
from mmuproof.smt.obligation import Answer, Obligation, Verdict
from mmuproof.smt.terms import Bool

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
class _Stated:
    claims: tuple[Claim, ...]
    futures: tuple[Future[Answer], ...]
    seconds: float


@dataclass(frozen=True)
class _Finding:
    """What became of one claim."""

    verdict: Verdict
    reason: str | None = None
    counterexample: Counterexample | None = None


def run(tasks: Sequence[Task], kvm: Kvm, solver: Solver, *, jobs: int, watcher: Watcher) -> tuple[Result, ...]:
    """The verdict on every task, in the order of the tasks.

    Stating happens in this thread alone, all that asks the solver in ``jobs`` threads beside it.

    Args:
        tasks: what is to be proved.
        kvm: the implementation that it is proved of.
        solver: decides it.
        jobs: how many obligations are decided at once.
        watcher: is told how far it has come.

    Raises:
        SourceError: the tree turns out to be unusable.
    """
    pool = ThreadPoolExecutor(jobs)
    try:
        watcher.phase("stating", len(tasks))
        stated: list[_Stated | Result] = []
        for task in tasks:
            stated.append(_state(task, kvm, solver, pool, watcher))
            watcher.advance()
        watcher.phase("solving", sum(len(each.claims) for each in stated if isinstance(each, _Stated)))
        return tuple(
            each if isinstance(each, Result) else _conclude(task, each, solver, pool, watcher)
            for task, each in zip(tasks, stated, strict=True)
        )
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _state(task: Task, kvm: Kvm, solver: Solver, pool: ThreadPoolExecutor, watcher: Watcher) -> _Stated | Result:
    start = time.perf_counter()

    def ended(verdict: Verdict, reason: str) -> Result:
        theorem = task.theorem
        return Result(
            theorem.name,
            task.vendor,
            verdict,
            time.perf_counter() - start,
            reason,
            assumptions=theorem.assumes,
            source=theorem.source,
        )

    try:
        claims = tuple(task.theorem.state(kvm, task.vendor))
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
    seconds = time.perf_counter() - start
    futures = tuple(
        pool.submit(solver.decide, claim.obligation, [way.when for way in claim.ways_to_fail]) for claim in claims
    )
    return _Stated(claims, futures, seconds)


def _conclude(task: Task, stated: _Stated, solver: Solver, pool: ThreadPoolExecutor, watcher: Watcher) -> Result:
    seconds = stated.seconds
    findings = []
    for claim, future in zip(stated.claims, stated.futures, strict=True):
        try:
            answer = future.result()
        except Exception as error:
            watcher.failure(_name(task), error)
            findings.append(_Finding(Verdict.ERROR, f"deciding it failed: {_described(error)}"))
        else:
            seconds += answer.seconds
            findings.append(_find(claim, answer, task, solver, pool, watcher))
        watcher.advance()
    worst = next(verdict for verdict in SEVERITY if any(each.verdict is verdict for each in findings))
    claim, finding = next(pair for pair in zip(stated.claims, findings, strict=True) if pair[1].verdict is worst)
    reason = finding.reason
    if reason is not None and claim.part:
        reason = f"{claim.part}: {reason}"
    theorem = task.theorem
    labels = (assumption.label for each in stated.claims for assumption in each.assumptions)
    cuts = (CutNote(cut.function, cut.at, cut.reason) for each in stated.claims for cut in each.evidence.cuts)
    return Result(
        theorem.name,
        task.vendor,
        worst,
        seconds,
        reason,
        assumptions=tuple(dict.fromkeys((*theorem.assumes, *labels))),
        cuts=tuple(dict.fromkeys(cuts)),
        counterexample=finding.counterexample,
        source=theorem.source,
    )


def _find(
    claim: Claim, answer: Answer, task: Task, solver: Solver, pool: ThreadPoolExecutor, watcher: Watcher
) -> _Finding:
    if answer.verdict is Verdict.VACUOUS:
        return _Finding(answer.verdict, f"the assumptions contradict each other: {'; '.join(answer.core)}")
    if answer.verdict is not Verdict.REFUTED:
        return _Finding(answer.verdict, answer.reason)
    if answer.assignment is None:
        return _Finding(Verdict.ERROR, "the solver refutes it without a counterexample")
    try:
        # It asks the solver, and a signal reaches this thread only while it does not.
        told = pool.submit(explain, claim, answer.assignment, solver.satisfiable).result()
    except NoSymptom as error:
        return _Finding(Verdict.ERROR, str(error))
    except Exception as error:
        watcher.failure(_name(task), error)
        return _Finding(Verdict.ERROR, f"telling its counterexample failed: {_described(error)}")
    return _Finding(Verdict.REFUTED, told.sentence, told)


def _name(task: Task) -> str:
    return f"{task.theorem.name} {task.vendor.value}"


def _described(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
