"""What is added to an answer: where C leaves the behaviour undefined, as far as that is known."""

from __future__ import annotations

import pytest

from mmuproof.cli.ask.answering import answer
from mmuproof.cli.ask.replies import Goal
from mmuproof.cli.shared.solving import Solver
from mmuproof.model.evidence import Check, CheckKind, Evidence
from mmuproof.questions.posed import Posed
from mmuproof.smt.obligation import Verdict
from mmuproof.smt.solver import decide, satisfiable
from mmuproof.smt.terms import FALSE, Bool, all_of, negate, ule, var

X = var("x", 8)
CHECKS = tuple(Check(CheckKind.INDEX, f"spte.c:{most}", ule(X, most)) for most in (9, 8))
ASKED = Posed(truth=FALSE, premises=(), named=(), evidence=Evidence(checks=CHECKS))
ALL, FIRST, SECOND = (negate(all_of(*(each.holds for each in some))) for some in (CHECKS, CHECKS[:1], CHECKS[1:]))
NOT_KNOWN = "but the budget ran out before it was known whether C leaves the behaviour undefined for other inputs"


@pytest.mark.parametrize(
    ("runs_out", "says"),
    [
        ((), "spte.c:9"),
        ((FIRST,), "spte.c:8"),
        ((FIRST, SECOND), NOT_KNOWN),
        ((ALL,), "spte.c:9"),
        ((ALL, FIRST), "spte.c:8"),
        ((ALL, FIRST, SECOND), NOT_KNOWN),
    ],
)
def test_a_budget_that_runs_out_is_not_taken_for_no(runs_out: tuple[Bool, ...], says: str) -> None:
    solver = Solver(
        lambda obligation, preferred: decide(obligation, preferred=preferred),
        lambda term: None if term in runs_out else satisfiable(term),
    )
    found = answer(ASKED, "never", Goal.IMPOSSIBLE, None, (), solver)
    assert found.verdict is Verdict.PROVED
    assert found.reason is not None
    assert says in found.reason


def test_nothing_is_added_where_nothing_is_undefined() -> None:
    solver = Solver(lambda obligation, preferred: decide(obligation, preferred=preferred), lambda _term: False)
    assert answer(ASKED, "never", Goal.IMPOSSIBLE, None, (), solver).reason is None
