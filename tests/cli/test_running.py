from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from typing import cast

import pytest

from mmuproof.cli.results import KernelIdentity, Report, Result
from mmuproof.cli.running import SEVERITY, Solver, run
from mmuproof.cli.selection import Task
from mmuproof.cli.watching import Unwatched
from mmuproof.lift.errors import Undefined
from mmuproof.model.kvm import Kvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.theorem import Claim, Shown, Symptom, Theorem
from mmuproof.smt.obligation import Answer, Assignment, Assumption, Obligation, Verdict
from mmuproof.smt.solver import decide, satisfiable
from mmuproof.smt.terms import TRUE, Bool, bool_var

DECIDED = [verdict for verdict in Verdict if verdict is not Verdict.NOT_APPLICABLE]


def verdict_of(obligation: Obligation, _preferred: Sequence[Bool] = ()) -> Answer:
    """A claim that is a variable is decided as the variable is called."""
    verdict = Verdict(obligation.claim.name)
    assignment = Assignment({obligation.claim.name: 0}, {}) if verdict is Verdict.REFUTED else None
    return Answer(verdict, 0.5, assignment, reason=f"{verdict.value} it is")


def run_claims(*verdicts: Verdict, solver: Solver | None = None) -> Result:
    symptom = Symptom("s", TRUE, "Wrong.", "a", "b")
    claims = [Claim(bool_var(verdict.value), (symptom,), part=verdict.value) for verdict in verdicts]
    theorem = Theorem("t", "", "", (), (Vendor.AMD,), lambda _kvm, _vendor: claims, ())
    (result,) = run(
        [Task(theorem, Vendor.AMD)],
        cast(Kvm, None),
        solver or Solver(verdict_of, lambda _term: None),
        jobs=3,
        watcher=Unwatched(),
    )
    return result


@pytest.mark.parametrize("verdicts", list(itertools.product(DECIDED, repeat=2)))
def test_a_theorems_verdict_is_its_worst_claims(verdicts: Sequence[Verdict]) -> None:
    result = run_claims(Verdict.PROVED, *verdicts)
    assert result.verdict is min([Verdict.PROVED, *verdicts], key=SEVERITY.index)
    assert result.reason is not None
    assert result.reason.startswith(result.verdict.value)
    assert result.seconds >= 1.5


def test_the_order_of_verdicts() -> None:
    assert [verdict.value for verdict in SEVERITY] == ["REFUTED", "ERROR", "UNKNOWN", "VACUOUS", "PROVED"]


def test_a_solver_that_fails_is_an_error() -> None:
    def fail(_obligation: Obligation, _preferred: Sequence[Bool]) -> Answer:
        raise MemoryError("no more")

    result = run_claims(Verdict.PROVED, solver=Solver(fail, lambda _term: None))
    assert result.verdict is Verdict.ERROR
    assert result.reason == "PROVED: deciding it failed: MemoryError: no more"


def test_telling_a_counterexample_leaves_this_thread_to_signals() -> None:
    threads = []

    def decide(obligation: Obligation, _preferred: Sequence[Bool] = ()) -> Answer:
        return Answer(Verdict.REFUTED, 0.0, Assignment({"x": 0}, {"x": 1}))

    def satisfiable(_term: Bool) -> bool | None:
        threads.append(threading.current_thread())
        return None

    shown = Shown("x", bool_var("x") & bool_var("y"))
    claim = Claim(bool_var("x"), (Symptom("s", TRUE, "Wrong.", "a", "b"),), (Assumption("y", bool_var("y")),), (shown,))
    theorem = Theorem("t", "", "", (), (Vendor.AMD,), lambda _kvm, _vendor: [claim], ())
    run([Task(theorem, Vendor.AMD)], cast(Kvm, None), Solver(decide, satisfiable), jobs=1, watcher=Unwatched())
    assert threading.main_thread() not in threads


def test_a_refutation_without_a_counterexample_is_an_error() -> None:
    solver = Solver(lambda _obligation, _preferred: Answer(Verdict.REFUTED, 0.0), lambda _term: None)
    assert run_claims(Verdict.PROVED, solver=solver).verdict is Verdict.ERROR


@pytest.mark.parametrize(("verdicts", "status"), [
    ([], 0),
    ([Verdict.PROVED, Verdict.NOT_APPLICABLE], 0),
    ([Verdict.PROVED, Verdict.REFUTED, Verdict.ERROR], 1),
    ([Verdict.PROVED, Verdict.VACUOUS], 3),
    ([Verdict.UNKNOWN], 3),
    ([Verdict.ERROR], 3),
])  # fmt: skip
def test_the_exit_status(verdicts: Sequence[Verdict], status: int) -> None:
    results = tuple(Result("t", Vendor.AMD, verdict, 0.0) for verdict in verdicts)
    assert Report(KernelIdentity("k", None), results, 0.0).exit_status == status


def test_code_that_is_undefined_on_every_execution_refutes_its_theorem() -> None:
    def state(_kvm: Kvm, _vendor: Vendor) -> list[Claim]:
        raise Undefined("undefined behaviour: index 16 of 16", "a.c:7")

    theorem = Theorem("t", "", "", (), (Vendor.AMD,), state, ())
    (result,) = run(
        [Task(theorem, Vendor.AMD)],
        cast(Kvm, None),
        Solver(lambda obligation, preferred: decide(obligation, preferred=preferred), satisfiable),
        jobs=1,
        watcher=Unwatched(),
    )
    assert result.verdict is Verdict.REFUTED
    assert result.counterexample is not None
    assert result.counterexample.sentence == ("Undefined behaviour at a.c:7, whatever the inputs: index 16 of 16.")
