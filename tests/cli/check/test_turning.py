"""Which theorems a change turns: what says the same is not decided, and what is decided is told of both kernels."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import cast

import pytest

from mmuproof.cli.check.findings import CheckedStep, StepStatus
from mmuproof.cli.check.turning import Known, TreeStep, Turned, turned
from mmuproof.cli.diff.claims import CommitClaim
from mmuproof.cli.prove.relatives import BodyChange, BodyLayout
from mmuproof.cli.prove.running import Prover
from mmuproof.cli.shared.selection import Task
from mmuproof.cli.shared.solving import Solver
from mmuproof.cli.shared.watching import Unwatched
from mmuproof.lift.ran import note_body
from mmuproof.lift.skeleton import BodyText, Skeleton
from mmuproof.lift.syntax import Location
from mmuproof.lift.tree.source import Contents
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.statement import Case, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.theorem import Claim, Theorem
from mmuproof.smt import backend
from mmuproof.smt.obligation import Answer, Assumption, Verdict
from mmuproof.smt.solver import decide, satisfiable
from mmuproof.smt.terms import TRUE, Bool, ule, var
from mmuproof.smt.together import prove_together
from mmuproof.spec.hardware import Hardware

X = var("x", 8)
HOLDS, ALSO, FAILS, OTHERWISE = ule(X & 7, 7), ule(X & 3, 3), ule(X, 7), ule(X, 8)
SOLVER = Solver(
    lambda obligation, preferred: decide(obligation, backend.DEFAULT_BUDGET, preferred), satisfiable, prove_together
)


class Tree(ReferenceKvm):
    """A kernel of which one theorem says something."""

    def __init__(self, holds: Bool | None, label: str = "as it is", symptom: str = "wrong") -> None:
        super().__init__()
        self.holds, self.label, self.symptom = holds, label, symptom


def state(kvm: Kvm, _vendor: Vendor) -> Sequence[Claim]:
    tree = cast(Tree, kvm)
    if tree.holds is None:
        raise NotThere(["is_new()"])
    symptom = Symptom(name=tree.symptom, when=TRUE, sentence="Wrong.", actual="a", expected="b")
    case = Case(assumptions=(Assumption(tree.label, TRUE),))
    return (Claim(holds=tree.holds, symptoms=(symptom,), case=case),)


THEOREM = Theorem(name="t", claim="", source="", vendors=(Vendor.AMD,), state=state, catches=())
TASK = Task(THEOREM, Vendor.AMD)


def _not_asked(*_: object) -> Answer:
    raise AssertionError("nothing is to be decided")


def _not_asked_together(*_: object) -> Sequence[Answer | None]:
    raise AssertionError("nothing is to be decided")


UNASKED = Solver(_not_asked, satisfiable, _not_asked_together)


def prover(tree: Tree, solver: Solver = SOLVER) -> Prover:
    return Prover(kvm=tree, solver=solver, known=(), hardware=Hardware())


FILE = "arch/x86/kvm/mmu/mmu.c"
BODY = Location(FILE, 4)


def layout(digest: str) -> BodyLayout:
    """That of a tree with one file, in which a function with one body stands."""
    skeleton = Skeleton(
        "outside", "layout", (BodyText(named=BODY.line, first=5, last=7, digest=digest, layout=digest),)
    )
    return BodyLayout(
        contents=Contents({FILE: digest}, others=""),
        units={FILE: frozenset({FILE})},
        skeletons={FILE: skeleton},
        fails=False,
    )


BEFORE, AFTER = layout("before"), layout("after")
ANYTHING = TreeStep(before=BEFORE, after=AFTER, change=None)
ONE_BODY = TreeStep(
    before=BEFORE,
    after=AFTER,
    change=BodyChange(
        bodies=frozenset({(FILE, 0)}),
        before=BEFORE.skeletons,
        after=AFTER.skeletons,
        contents=AFTER.contents,
        fails=False,
        writes={},
    ),
)


def change(
    before: Tree,
    after: Tree,
    solver: Solver = SOLVER,
    known: Turned | None = None,
    step: TreeStep = ANYTHING,
    later: Turned | None = None,
) -> Turned:
    said = Known({} if known is None else {TASK: known.said[0]}, {} if later is None else {TASK: later.said[0]})
    return turned([TASK], prover(before, solver), prover(after, solver), said, step, processes=1, watcher=Unwatched())


@pytest.mark.parametrize("after", [Tree(HOLDS), Tree(HOLDS, label="in other words")], ids=["same", "other words"])
def test_what_says_the_same_is_not_decided(after: Tree) -> None:
    assert change(Tree(HOLDS), after, UNASKED).turns == ()


@pytest.mark.parametrize(
    ("before", "after", "new", "status"),
    [
        (Tree(HOLDS), Tree(ALSO), False, StepStatus.FINE),
        (Tree(HOLDS), Tree(FAILS), True, StepStatus.WRONG),
        (Tree(FAILS), Tree(HOLDS), True, StepStatus.FINE),
        (Tree(FAILS), Tree(OTHERWISE), False, StepStatus.FINE),
        (Tree(FAILS), Tree(OTHERWISE, symptom="worse"), True, StepStatus.WRONG),
        (Tree(HOLDS), Tree(None), True, StepStatus.OPEN),
        (Tree(None), Tree(HOLDS), True, StepStatus.FINE),
        (Tree(None), Tree(FAILS), True, StepStatus.WRONG),
        (Tree(FAILS), Tree(None), True, StepStatus.OPEN),
    ],
)
def test_a_theorem_that_is_turned_for_the_worse_is_wrong(
    before: Tree, after: Tree, new: bool, status: StepStatus
) -> None:
    (turn,) = change(before, after).turns
    step = CheckedStep(name="x", subject="", is_read=True, claim=CommitClaim.NONE, turns=(turn,), theorems=1)
    assert (turn.is_new, bool(step.new), step.status) == (new, new, status)


def test_what_is_known_of_the_kernel_before_is_not_stated_again() -> None:
    first = change(Tree(HOLDS), Tree(ALSO))
    assert change(Unasked(ALSO), Tree(ALSO), known=first).turns == ()
    (turn,) = change(Tree(ALSO), Tree(FAILS), known=first).turns
    assert (turn.before.verdict, turn.after.verdict) == (Verdict.PROVED, Verdict.REFUTED)


def test_what_an_earlier_run_knows_of_both_kernels_is_neither_stated_nor_decided() -> None:
    first, again = change(Tree(HOLDS), Tree(FAILS)), change(Tree(FAILS), Tree(FAILS))
    same = change(Unasked(HOLDS), Unasked(HOLDS), UNASKED, known=first, later=again)
    assert (same.turns, same.said) == ((), again.said)
    before = change(Tree(FAILS), Tree(HOLDS))
    (turn,) = change(Unasked(HOLDS), Unasked(FAILS), UNASKED, known=before, later=first).turns
    assert (turn.before.verdict, turn.after.verdict) == (Verdict.PROVED, Verdict.REFUTED)


def test_what_was_not_decided_is_decided_again() -> None:
    undecided = Solver(lambda *_: Answer(verdict=Verdict.UNKNOWN, seconds=0.0), satisfiable)
    first = change(Tree(HOLDS), Tree(ALSO), undecided)
    assert [each.result for each in first.said] == [None]
    (turn,) = change(Tree(HOLDS), Tree(ALSO), later=first).turns
    assert turn.after.verdict is Verdict.PROVED


class Unasked(Tree):
    """A kernel that nobody is to ask."""

    @property
    def holds(self) -> Bool | None:
        raise AssertionError("it is known what it says")

    @holds.setter
    def holds(self, _value: Bool | None) -> None:
        pass


class ToldFromBody(Tree):
    """A kernel that is told from the body of a function."""

    @property
    def holds(self) -> Bool | None:
        note_body(BODY)
        return self._holds

    @holds.setter
    def holds(self, value: Bool | None) -> None:
        self._holds = value


def test_what_rests_on_no_body_that_changes_is_not_stated_of_the_kernel_after() -> None:
    first = change(Tree(HOLDS), Unasked(FAILS), step=ONE_BODY)
    assert first.turns == ()
    assert change(Unasked(HOLDS), Unasked(FAILS), known=first, step=ONE_BODY).turns == ()


def test_what_rests_on_a_body_that_changes_is_stated_of_the_kernel_after() -> None:
    first = change(ToldFromBody(HOLDS), ToldFromBody(FAILS), step=ONE_BODY)
    assert [each.is_worse for each in first.turns] == [True]
    (said,) = first.said
    assert said.rests_on is not None
    assert said.rests_on.bodies == {(FILE, 0)}
    again = change(ToldFromBody(FAILS), ToldFromBody(HOLDS), known=first, step=ONE_BODY)
    assert [each.is_new for each in again.turns] == [True]


class Deadly(Tree):
    """A kernel that takes more memory than there is."""

    @property
    def holds(self) -> Bool | None:
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    @holds.setter
    def holds(self, _value: Bool | None) -> None:
        pass


def test_a_theorem_whose_process_is_killed_is_an_error_and_nothing_is_known_of_it() -> None:
    found = change(Tree(HOLDS), Deadly(HOLDS))
    (turn,) = found.turns
    assert turn.is_open
    assert turn.after.verdict is Verdict.ERROR
    assert turn.after.reason == "the process that proved it was ended by SIGKILL"
    assert [(each.result, each.claims) for each in found.said] == [(None, None)]


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        (CommitClaim.NONE, StepStatus.FINE),
        (CommitClaim.STANDS, StepStatus.FINE),
        (CommitClaim.OPEN, StepStatus.OPEN),
        (CommitClaim.BROKEN, StepStatus.WRONG),
    ],
)
def test_a_claim_of_no_functional_change_counts(claim: CommitClaim, status: StepStatus) -> None:
    assert CheckedStep(name="x", subject="", is_read=True, claim=claim).status is status
