"""Verdicts: what each means, and what a counterexample promises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.smt import backend
from mmuproof.smt.obligation import Assumption, Obligation, Verdict
from mmuproof.smt.solver import decide, satisfiable
from mmuproof.smt.terms import FALSE, any_of, bit, bool_var, bv, eq, implies, ne, negate, ult, var, zext

X, Y = var("x", 16), var("y", 16)


def test_a_valid_claim_is_proved() -> None:
    answer = decide(Obligation((), eq((X & Y) + (X | Y), X + Y)))
    assert answer.verdict is Verdict.PROVED
    assert answer.assignment is None


def test_a_claim_that_holds_only_under_its_assumption_is_proved_with_it_and_refuted_without() -> None:
    claim = ult(X, 0x200)
    small = Assumption("x is small", ult(X, 0x100))
    assert decide(Obligation((small,), claim)).verdict is Verdict.PROVED
    assert decide(Obligation((), claim)).verdict is Verdict.REFUTED


def test_assumptions_that_contradict_each_other_are_named_and_prove_nothing() -> None:
    answer = decide(
        Obligation(
            (
                Assumption("x is small", ult(X, 4)),
                Assumption("y is odd", bit(Y, 0)),
                Assumption("x is large", ult(bv(5, 16), X)),
            ),
            FALSE,
        )
    )
    assert answer.verdict is Verdict.VACUOUS
    assert set(answer.core) == {"x is small", "x is large"}


def test_a_budget_that_runs_out_is_unknown_with_a_reason() -> None:
    a, b = var("a", 64), var("b", 64)
    # Factoring a product of two primes, without the trivial factors.
    claim = implies(ne(a, 1) & ne(b, 1) & ult(a, 1 << 32) & ult(b, 1 << 32), ne(a * b, 4294967291 * 4294967279))
    answer = decide(Obligation((), claim), budget=20_000)
    assert answer.verdict is Verdict.UNKNOWN
    assert answer.reason


def test_memory_that_runs_out_is_unknown_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_MOST_MEBIBYTES", 1)
    a, b = var("a", 64), var("b", 64)
    answer = decide(Obligation((), ne(a * b * a * b, 4294967291 * 4294967279)))
    assert answer.verdict is Verdict.UNKNOWN
    assert "memory" in (answer.reason or "")


def test_a_counterexample_sets_as_few_bits_as_it_can() -> None:
    answer = decide(Obligation((), ~bit(X, 9)))
    assert answer.assignment is not None
    assert answer.assignment.values == {"x": 1 << 9}
    assert answer.assignment.relevant == {"x": 1 << 9}


def test_what_does_not_matter_is_not_relevant() -> None:
    answer = decide(Obligation((Assumption("y is odd", bit(Y, 0)),), ne(X & 0xF0, 0x30)))
    assert answer.assignment is not None
    assert answer.assignment.relevant == {"x": 0xF0, "y": 0}


def test_the_preferred_kind_of_counterexample_is_given_where_there_is_one() -> None:
    claim = ult(X, 8) & ult(Y, 8)
    for wanted in (ult(bv(7, 16), Y) & ult(X, 8), ult(bv(7, 16), X) & ult(Y, 8)):
        answer = decide(Obligation((), claim), preferred=[FALSE, wanted])
        assert answer.assignment is not None
        assert Obligation((), implies(wanted, claim)).is_refuted_by(answer.assignment.values)


@given(mask=st.integers(1, 0xFFFF), value=st.integers(0, 0xFFFF), noise=st.integers(0, 0xFFFF))
def test_every_assignment_that_agrees_in_the_relevant_bits_breaks_the_claim(mask: int, value: int, noise: int) -> None:
    obligation = Obligation((Assumption("bit 0 of y", bit(Y, 0)),), ne(X & mask, value & mask))
    answer = decide(obligation)
    assert answer.assignment is not None
    keep = answer.assignment.relevant["x"]
    other = {"x": answer.assignment.values["x"] & keep | noise & ~keep, "y": noise | 1}
    assert obligation.is_refuted_by(other)


def test_satisfiable_tells_both_ways() -> None:
    assert satisfiable(bool_var("p")) is True
    assert satisfiable(ult(X, 3) & ult(bv(3, 16), X)) is False


def test_bits_that_have_been_cleared_matter_as_they_are_now() -> None:
    # The first counterexample has more bits than the one that is given.
    table, index = var("table", 64), var("index", 8)
    looked_up = bit(table >> zext(index & 63, 64), 0)
    answer = decide(Obligation((), any_of(negate(looked_up), negate(bit(index, 7)))))
    assert answer.assignment is not None
    assert answer.assignment.relevant["table"].bit_count() == 1
    held = {name: answer.assignment.values[name] & mask for name, mask in answer.assignment.relevant.items()}
    assert held["table"].bit_count() == 1
    assert Obligation((), any_of(negate(looked_up), negate(bit(index, 7)))).is_refuted_by(held)
