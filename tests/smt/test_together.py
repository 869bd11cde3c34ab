"""Proving together says of each obligation what deciding it alone says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.smt.obligation import Assumption, Obligation, Verdict
from mmuproof.smt.solver import decide
from mmuproof.smt.terms import Bool, all_of, any_of, bit, bool_var, eq, ne, negate, var
from mmuproof.smt.together import prove_together

X, Y = var("x", 8), var("y", 8)
ODD = Assumption("x is odd", bit(X, 0))
EVEN = Assumption("x is even", negate(bit(X, 0)))
BUDGET = 1_000_000


def proved(*obligations: Obligation, budget: int = BUDGET) -> list[bool]:
    answers = prove_together(obligations, budget)
    assert all(answer is None or answer.verdict is Verdict.PROVED for answer in answers)
    return [answer is not None for answer in answers]


def test_what_holds_is_proved_and_what_does_not_is_left() -> None:
    holds, fails = Obligation((ODD,), ne(X, 0)), Obligation((ODD,), ne(X, 1))
    assert proved(holds, fails, holds) == [True, False, True]


def test_none_is_nothing_to_prove() -> None:
    assert proved() == []


def test_what_has_contradicting_assumptions_is_not_proved() -> None:
    assert proved(Obligation((ODD, EVEN), ne(X, 0)), Obligation((ODD,), ne(X, 0))) == [False, True]


def test_a_model_of_other_assumptions_does_not_satisfy_these() -> None:
    large = Assumption("x is large", bit(X, 7))
    both = Obligation((ODD, large, Assumption("x is 2", eq(X, 2))), ne(X, 0))
    assert proved(Obligation((ODD,), ne(X, 0)), Obligation((large,), ne(X, 0)), both) == [True, True, False]


def test_a_name_may_have_another_width_in_another_obligation() -> None:
    other = var("x", 16)
    obligations = [
        Obligation((ODD,), ne(X, 0)),
        Obligation((), eq(other, other & 0xFFFF)),
        Obligation((EVEN,), ne(X, 1)),
    ]
    assert proved(*obligations) == [True, True, True]


def test_what_the_budget_does_not_decide_is_left() -> None:
    hard = Obligation((), eq(var("a", 64) * var("b", 64) + 1, var("c", 64)))
    assert proved(hard, Obligation((ODD,), ne(X, 0)), budget=2_000) == [False, True]


TRUTHS = st.recursive(
    st.one_of(
        st.sampled_from([bool_var("p"), bool_var("q")]),
        st.builds(bit, st.sampled_from([X, Y]), st.integers(0, 7)),
        st.builds(eq, st.sampled_from([X, Y, X & Y]), st.integers(0, 255)),
    ),
    lambda inner: st.one_of(st.builds(negate, inner), st.builds(all_of, inner, inner), st.builds(any_of, inner, inner)),
    max_leaves=5,
)
OBLIGATIONS = st.builds(
    lambda premises, claim: Obligation(tuple(Assumption(f"a{n}", each) for n, each in enumerate(premises)), claim),
    st.lists(TRUTHS, max_size=2),
    TRUTHS,
)


@given(st.lists(OBLIGATIONS, max_size=6))
def test_exactly_that_is_proved_together_which_is_proved_alone(obligations: list[Obligation]) -> None:
    alone = [decide(each, BUDGET).verdict is Verdict.PROVED for each in obligations]
    assert proved(*obligations) == alone


@pytest.mark.parametrize("claim", [bool_var("p"), negate(bool_var("p"))])
def test_an_obligation_without_assumptions_has_none_to_contradict(claim: Bool) -> None:
    assert proved(Obligation((), claim), Obligation((), any_of(claim, negate(claim)))) == [False, True]
