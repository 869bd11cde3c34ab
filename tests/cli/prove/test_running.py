from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest

from mmuproof.cli.prove.running import SEVERITY, Workforce, run
from mmuproof.cli.shared.results import Result
from mmuproof.cli.shared.selection import Task
from mmuproof.cli.shared.solving import Solver
from mmuproof.cli.shared.watching import Unwatched
from mmuproof.lift.errors import Undefined
from mmuproof.lift.ran import note_body
from mmuproof.lift.syntax import Location
from mmuproof.model.evidence import Evidence
from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.statement import Case, Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.known_findings import KnownFinding
from mmuproof.proofs.shape import Shape
from mmuproof.proofs.theorem import Claim, Theorem
from mmuproof.smt.obligation import Answer, Assignment, Assumption, Obligation, Verdict
from mmuproof.smt.solver import decide, satisfiable
from mmuproof.smt.terms import TRUE, Bool, bool_var
from tests.cli.conftest import FakeKvm, Watching

NOTHING_SEEN = Evidence()
DECIDED = [verdict for verdict in Verdict if verdict is not Verdict.NOT_APPLICABLE]


def verdict_of(obligation: Obligation, _preferred: Sequence[Bool] = ()) -> Answer:
    """A claim that is a variable is decided as the variable is called."""
    verdict = Verdict(obligation.claim.name)
    assignment = Assignment({obligation.claim.name: 0}, {}) if verdict is Verdict.REFUTED else None
    return Answer(verdict=verdict, seconds=0.5, assignment=assignment, reason=f"{verdict.value} it is")


def run_claims(*verdicts: Verdict, solver: Solver | None = None) -> Result:
    symptom = Symptom(name="s", when=TRUE, sentence="Wrong.", actual="a", expected="b")
    claims = [
        Claim(holds=bool_var(verdict.value), symptoms=(symptom,), case=Case(part=verdict.value)) for verdict in verdicts
    ]
    theorem = Theorem(
        name="t", claim="", source="", assumes=(), vendors=(Vendor.AMD,), state=lambda _kvm, _vendor: claims, catches=()
    )
    (proved,) = run(
        [Task(theorem, Vendor.AMD)],
        ReferenceKvm(),
        solver or Solver(verdict_of, lambda _term: None),
        processes=3,
        watcher=Unwatched(),
    )
    return proved.result


@pytest.mark.parametrize("verdicts", list(itertools.product(DECIDED, repeat=2)))
def test_a_theorems_verdict_is_its_worst_claims(verdicts: Sequence[Verdict]) -> None:
    result = run_claims(Verdict.PROVED, *verdicts)
    assert result.verdict is min([Verdict.PROVED, *verdicts], key=SEVERITY.index)
    assert result.reason is not None
    assert result.reason.startswith(result.verdict.value)
    assert result.seconds >= 1.5


def run_as(
    theorem: str, release: str | None, verdict: Verdict, part: str = "another part", evidence: Evidence = NOTHING_SEEN
) -> Result:
    """The result of a claim of a theorem that goes by the name of one that has been stated before."""
    symptom = Symptom(name="s", when=TRUE, sentence="Wrong.", actual="a", expected="b")
    claim = Claim(holds=bool_var(verdict.value), symptoms=(symptom,), case=Case(part=part, evidence=evidence))
    stated = Theorem(
        name=theorem, claim="", source="", vendors=(Vendor.AMD,), state=lambda _kvm, _vendor: [claim], catches=()
    )
    shape = Shape(theorem=theorem, vendor=Vendor.AMD, part="a known part", symptom="s")
    (proved,) = run(
        [Task(stated, Vendor.AMD)],
        ReferenceKvm(),
        Solver(verdict_of, lambda _term: None),
        processes=1,
        watcher=Unwatched(),
        known=[KnownFinding(number=3, says="", shapes=(shape,))],
        release=release,
    )
    return proved.result


@pytest.mark.parametrize(
    ("theorem", "release", "verdict", "part", "comes_to"),
    [
        ("layout.frozen", "7.2.13", Verdict.PROVED, "another part", Verdict.LOST),
        ("layout.frozen", "7.9.0-rc1", Verdict.PROVED, "another part", Verdict.LOST),
        ("layout.frozen", "7.2.13", Verdict.PROVED, "", Verdict.PROVED),
        ("layout.frozen", "5.10.1", Verdict.PROVED, "another part", Verdict.PROVED),
        ("layout.frozen", None, Verdict.PROVED, "another part", Verdict.PROVED),
        ("no.such-theorem", "7.2.13", Verdict.PROVED, "another part", Verdict.PROVED),
        ("layout.frozen", "7.2.13", Verdict.UNKNOWN, "another part", Verdict.LOST),
        ("layout.frozen", "7.2.13", Verdict.REFUTED, "another part", Verdict.REFUTED),
        ("layout.frozen", "7.2.13", Verdict.REFUTED, "a known part", Verdict.LOST),
        ("layout.frozen", "7.2.13", Verdict.ERROR, "another part", Verdict.ERROR),
    ],
)
def test_what_an_earlier_release_has_and_this_has_not_is_lost(
    theorem: str, release: str | None, verdict: Verdict, part: str, comes_to: Verdict
) -> None:
    result = run_as(theorem, release, verdict, part)
    assert result.verdict is comes_to
    if comes_to is Verdict.LOST:
        assert "stated of Linux 7." in str(result.reason)
        assert result.known == ()


@pytest.mark.parametrize(
    ("part", "gone", "comes_to"),
    [
        ("another part", ("told",), Verdict.LOST),
        ("another part", (), Verdict.REFUTED),
        ("a known part", ("told",), Verdict.REFUTED),
    ],
    ids=["a new counterexample", "nothing is gone", "a known finding"],
)
def test_a_counterexample_where_a_function_is_gone_that_was_not_followed_is_lost(
    part: str, gone: Sequence[str], comes_to: Verdict
) -> None:
    result = run_as("no.such-theorem", None, Verdict.REFUTED, part, Evidence(gone_cuts=tuple(gone)))
    assert result.verdict is comes_to
    if comes_to is Verdict.LOST:
        assert "not found: told(), which is not followed where it is called" in str(result.reason)
        assert "this may come of that: Wrong." in str(result.reason)
        assert result.counterexample is None


class Listening(Unwatched):
    def __init__(self) -> None:
        self.traces: list[str] = []

    def failure(self, what: str, trace: str) -> None:
        self.traces.append(trace)


def test_a_constant_that_nobody_listed_is_an_error_and_no_feature_that_is_missing() -> None:
    theorem = Theorem(
        name="t",
        claim="",
        source="",
        assumes=(),
        vendors=(Vendor.AMD,),
        state=lambda kvm, _vendor: [Claim(holds=TRUE, symptoms=())] if kvm.defines("ACC_MISSPELT") else [],
        catches=(),
    )
    watcher = Listening()
    solver = Solver(verdict_of, lambda _term: None)
    (proved,) = run([Task(theorem, Vendor.AMD)], ReferenceKvm(), solver, processes=1, watcher=watcher)
    result = proved.result
    assert result.verdict is Verdict.ERROR
    assert result.reason is not None
    assert "ACC_MISSPELT is asked for, but model/constants.py does not list it" in result.reason
    (trace,) = watcher.traces
    assert "UnlistedConstant" in trace


def test_the_order_of_verdicts() -> None:
    assert [verdict.value for verdict in SEVERITY] == ["REFUTED", "ERROR", "LOST", "UNKNOWN", "VACUOUS", "PROVED"]


def test_a_solver_that_fails_is_an_error() -> None:
    def fail(_obligation: Obligation, _preferred: Sequence[Bool]) -> Answer:
        raise MemoryError("no more")

    result = run_claims(Verdict.PROVED, solver=Solver(fail, lambda _term: None))
    assert result.verdict is Verdict.ERROR
    assert result.reason == "PROVED: deciding it failed: MemoryError: no more"


def test_deciding_and_telling_leave_this_process_to_signals(tmp_path: Path) -> None:
    def decide(_obligation: Obligation, _preferred: Sequence[Bool] = ()) -> Answer:
        (tmp_path / "decided").write_text(str(os.getpid()))
        return Answer(verdict=Verdict.REFUTED, seconds=0.0, assignment=Assignment({"x": 0, "y": 1}, {"x": 1, "y": 0}))

    def satisfiable(_term: Bool) -> bool | None:
        (tmp_path / "told").write_text(str(os.getpid()))
        return None

    # What the assumptions fix is asked of the solver.
    shown, premise = Shown("y", bool_var("y")), Assumption("y", bool_var("y"))
    claim = Claim(
        holds=bool_var("x"),
        symptoms=(Symptom(name="s", when=TRUE, sentence="Wrong.", actual="a", expected="b"),),
        case=Case(assumptions=(premise,), shown=(shown,)),
    )
    theorem = Theorem(
        name="t",
        claim="",
        source="",
        assumes=(),
        vendors=(Vendor.AMD,),
        state=lambda _kvm, _vendor: [claim],
        catches=(),
    )
    run([Task(theorem, Vendor.AMD)], ReferenceKvm(), Solver(decide, satisfiable), processes=1, watcher=Unwatched())
    for did in ("decided", "told"):
        assert int((tmp_path / did).read_text()) != os.getpid()


def test_what_is_proved_at_once_is_not_decided_again_and_all_else_is() -> None:
    def prove(obligations: Sequence[Obligation]) -> list[Answer | None]:
        return [
            Answer(verdict=Verdict.PROVED, seconds=0.5) if each.claim.name == "PROVED" else None for each in obligations
        ]

    def decide(obligation: Obligation, _preferred: Sequence[Bool]) -> Answer:
        assert obligation.claim.name != "PROVED"
        return verdict_of(obligation)

    result = run_claims(Verdict.PROVED, Verdict.UNKNOWN, solver=Solver(decide, lambda _term: None, prove))
    assert (result.verdict, result.reason) == (Verdict.UNKNOWN, "UNKNOWN: UNKNOWN it is")
    assert result.seconds >= 1.0


def test_where_proving_at_once_fails_each_claim_is_decided() -> None:
    def prove(_obligations: Sequence[Obligation]) -> list[Answer | None]:
        raise MemoryError("no more")

    assert run_claims(Verdict.PROVED, solver=Solver(verdict_of, lambda _term: None, prove)).verdict is Verdict.PROVED


def test_who_watches_is_told_where_a_failure_comes_from() -> None:
    def state(_kvm: Kvm, _vendor: Vendor) -> list[Claim]:
        raise ZeroDivisionError("nothing is left")

    watching = Watching()
    theorem = Theorem(name="t", claim="", source="", assumes=(), vendors=(Vendor.AMD,), state=state, catches=())
    (proved,) = run(
        [Task(theorem, Vendor.AMD)],
        ReferenceKvm(),
        Solver(verdict_of, lambda _term: None),
        processes=1,
        watcher=watching,
    )
    result = proved.result
    assert result.verdict is Verdict.ERROR
    assert watching.failures["t amd"].splitlines()[-1] == "ZeroDivisionError: nothing is left"


def test_a_refutation_without_a_counterexample_is_an_error() -> None:
    solver = Solver(lambda _obligation, _preferred: Answer(verdict=Verdict.REFUTED, seconds=0.0), lambda _term: None)
    assert run_claims(Verdict.PROVED, solver=solver).verdict is Verdict.ERROR


def test_code_that_is_undefined_on_every_execution_refutes_its_theorem() -> None:
    def state(_kvm: Kvm, _vendor: Vendor) -> list[Claim]:
        raise Undefined("undefined behaviour: index 16 of 16", "a.c:7")

    theorem = Theorem(name="t", claim="", source="", assumes=(), vendors=(Vendor.AMD,), state=state, catches=())
    (proved,) = run(
        [Task(theorem, Vendor.AMD)],
        ReferenceKvm(),
        Solver(lambda obligation, preferred: decide(obligation, preferred=preferred), satisfiable),
        processes=1,
        watcher=Unwatched(),
    )
    result = proved.result
    assert result.verdict is Verdict.REFUTED
    assert result.counterexample is not None
    assert result.counterexample.sentence == ("Undefined behaviour at a.c:7, whatever the inputs: index 16 of 16.")


def test_what_a_theorem_says_by_what_the_kernel_has_is_told_with_its_result() -> None:
    def state(kvm: Kvm, _vendor: Vendor) -> Sequence[Claim]:
        assert kvm.has(Feature.GMET)
        return [Claim(holds=bool_var(Verdict.PROVED.value), symptoms=())]

    asking, silent = (
        Theorem(name=name, claim="", source="", vendors=(Vendor.AMD,), state=each, catches=())
        for name, each in (
            ("asks", state),
            ("asks nothing", lambda _kvm, _vendor: [Claim(holds=bool_var(Verdict.PROVED.value), symptoms=())]),
        )
    )
    tasks = [Task(each, Vendor.AMD) for each in (asking, silent)]
    proved = run(tasks, ReferenceKvm(), Solver(verdict_of, lambda _term: None), processes=1, watcher=Unwatched())
    told, nothing = (each.result for each in proved)
    assert told.assumptions == (
        "the kernel has guest mode execute trap (GMET): SVM_MISC_ENABLE_GMET and X86_FEATURE_GMET",
    )
    assert nothing.assumptions == ()


def test_a_process_that_is_killed_makes_its_theorem_an_error_and_loses_nothing_else() -> None:
    here = os.getpid()

    def killed(_kvm: Kvm, _vendor: Vendor) -> Sequence[Claim]:
        assert os.getpid() != here
        os.kill(os.getpid(), signal.SIGKILL)
        return ()

    def theorem(name: str, state: Callable[[Kvm, Vendor], Sequence[Claim]]) -> Theorem:
        return Theorem(name=name, claim="", source="", assumes=(), vendors=(Vendor.AMD,), state=state, catches=())

    symptom = Symptom(name="s", when=TRUE, sentence="Wrong.", actual="a", expected="b")
    proved = [Claim(holds=bool_var("PROVED"), symptoms=(symptom,), case=Case())]
    theorems = [theorem("killed", killed), theorem("other", lambda _kvm, _vendor: proved)]
    both = run(
        [Task(each, Vendor.AMD) for each in theorems],
        ReferenceKvm(),
        Solver(verdict_of, lambda _term: None),
        processes=1,
        watcher=Unwatched(),
    )
    first, second = (each.result for each in both)
    assert (first.verdict, first.reason) == (Verdict.ERROR, "the process that proved it was ended by SIGKILL")
    assert second.verdict is Verdict.PROVED


@pytest.mark.parametrize(
    ("sentence", "place", "at"),
    [
        ("is_old() is wrong.", "", "mmu.c:7"),
        ("It is wrong.", "mmu.h:is_old", "mmu.c:7"),
        ("FROZEN_SPTE is wrong.", "", "spte.h:9"),
        ("is_new() is wrong, and so are ACC_ALL and L1.", "", "arch/x86/kvm/a.c:3"),
    ],
)
def test_a_counterexample_without_steps_has_the_place_of_a_function(sentence: str, place: str, at: str) -> None:
    symptom = Symptom(name="s", when=TRUE, sentence=sentence, actual="a", expected="b", place=place)

    def state(_kvm: Kvm, _vendor: Vendor) -> Sequence[Claim]:
        note_body(Location("b.c", 2))
        note_body(Location("arch/x86/kvm/a.c", 3))
        return [Claim(holds=bool_var("REFUTED"), symptoms=(symptom,), case=Case())]

    theorem = Theorem(name="t", claim="", source="", vendors=(Vendor.AMD,), state=state, catches=())
    (proved,) = run(
        [Task(theorem, Vendor.AMD)],
        cast(Kvm, FakeKvm()),
        Solver(verdict_of, lambda _term: None),
        processes=1,
        watcher=Unwatched(),
    )
    told = proved.result.counterexample
    assert told is not None
    assert (told.steps, told.at) == ((), at)


@pytest.mark.parametrize(
    ("tasks", "most", "is_kept", "workforce"),
    [
        (436, 8, True, Workforce(7, reads_ahead=True)),
        (436, 1, True, Workforce(1, reads_ahead=False)),
        (45, 8, False, Workforce(1, reads_ahead=False)),
        (45, 8, True, Workforce(4, reads_ahead=False)),
        (4, 2, True, Workforce(2, reads_ahead=False)),
        (1, 8, True, Workforce(1, reads_ahead=False)),
    ],
)
def test_where_little_is_left_and_units_are_kept_processes_read_what_they_need(
    tasks: int, most: int, is_kept: bool, workforce: Workforce
) -> None:
    assert Workforce.of(tasks, most, is_kept=is_kept) == workforce
