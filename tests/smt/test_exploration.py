"""Counterexamples that were guessed are as good as the solver's, and questions about them get the same answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
import z3
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.smt import small_search
from mmuproof.smt.exploration import Exploration
from mmuproof.smt.guesses import guesses_for
from mmuproof.smt.obligation import Assumption, Obligation, Verdict
from mmuproof.smt.terms import FALSE, Bool, all_of, bit, bool_var, bv, eq, implies, ite, ne, negate, ule, ult, var

from .random_terms import FULL, NAMES, truths, values

X, Y = var("x", 16), var("y", 16)
ODD = Assumption("y is odd", bit(Y, 0))
NAMED = ("x", "y")


def no_guesses(_names: Iterable[str]) -> Iterable[Mapping[str, int]]:
    return ()


WAYS = {"guessed": guesses_for, "solved": no_guesses}


def test_what_a_guess_refutes_is_refuted_by_its_values() -> None:
    explored = Exploration(Obligation((), ne(X, 0x10001)), guesses=[{"x": 7}, {"x": 0x10001}])
    assert explored.verdict is Verdict.REFUTED
    # As many bits of it as the variable has.
    assert explored.counterexample == {"x": 1}


def test_a_guess_that_breaks_an_assumption_refutes_nothing() -> None:
    explored = Exploration(Obligation((ODD,), ult(X, 0x100)), guesses=[{"x": 0x100, "y": 2}, {"x": 0, "y": 1}])
    assert explored.verdict is Verdict.REFUTED
    assert explored.counterexample is not None
    assert explored.counterexample["y"] & 1


def test_what_holds_is_proved_whatever_is_guessed() -> None:
    assert Exploration(Obligation((ODD,), ne(Y, 0)), guesses=guesses_for(NAMED)).verdict is Verdict.PROVED


@pytest.mark.parametrize("way", WAYS)
def test_what_is_possible_in_a_counterexample_is_told_of_each(way: str) -> None:
    explored = Exploration(Obligation((ODD,), ult(X, 0x100)), guesses=WAYS[way](NAMED))
    asked = [ult(X, 0x100), eq(X, 0x1234), bit(Y, 0), eq(Y, 2), FALSE, all_of(bit(X, 15), bit(Y, 15))]
    assert explored.possible(asked) == [False, True, True, False, False, True]


@given(claim=truths, asked=st.lists(truths, max_size=3))
def test_a_guess_changes_no_answer(claim: Bool, asked: list[Bool]) -> None:
    obligation = Obligation((), claim)
    guessed, solved = Exploration(obligation, guesses=guesses_for(NAMES)), Exploration(obligation)
    assert guessed.verdict is solved.verdict
    assert guessed.possible(asked) == solved.possible(asked)


@given(claim=truths, preferred=truths, noise=values, tries=st.integers(0, 3))
def test_at_a_glance_the_relevant_bits_are_enough(
    claim: Bool, preferred: Bool, noise: dict[str, int], tries: int
) -> None:
    obligation = Obligation((), claim)
    answer = Exploration(obligation, guesses=guesses_for(NAMES)).glance([preferred], tries=tries)
    if answer.assignment is None:
        assert answer.verdict is not Verdict.REFUTED
        return
    kept = answer.assignment.relevant
    held = {
        name: value & kept[name] | noise[name] & ~kept[name] & FULL for name, value in answer.assignment.values.items()
    }
    assert obligation.is_refuted_by(held)


def test_at_a_glance_what_can_be_zero_is() -> None:
    # As it was guessed y is 1 as well, and x has a bit more than it takes.
    explored = Exploration(Obligation((), implies(bit(X, 3), eq(Y, 5))), guesses=[{"x": 0x18, "y": 1}])
    answer = explored.glance(tries=2)
    assert answer.assignment is not None
    assert answer.assignment.values == {"x": 8, "y": 0}


def test_a_preference_that_no_counterexample_satisfies_is_passed_over() -> None:
    explored = Exploration(Obligation((), ult(X, 8)), guesses=[{"x": 9}])
    answer = explored.glance([ult(X, 3), ult(bv(100, 16), X)])
    assert answer.assignment is not None
    assert answer.assignment.values["x"] > 100


def test_a_variable_of_a_preference_alone_has_a_value() -> None:
    wanted = bool_var("wanted")
    answer = Exploration(Obligation((), ne(X, 0)), guesses=[{"x": 0}]).glance([negate(wanted)])
    assert answer.assignment is not None
    assert answer.assignment.values == {"x": 0, "wanted": 0}


@pytest.mark.parametrize("small", [True, False])
def test_a_preference_that_is_passed_over_may_speak_of_anything(small: bool) -> None:
    wanted, never = bool_var("wanted"), bool_var("never")
    explored = Exploration(Obligation((), ult(X, 8)))
    answer = explored.answer([all_of(never, ult(X, 3)), all_of(wanted, bit(X, 9))], small=small)
    assert answer.assignment is not None
    assert answer.assignment.values.keys() == {"x", "wanted", "never"}
    assert answer.assignment.values["wanted"] == 1


def test_what_makes_a_counterexample_small_is_bounded_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    x = var("x", 64)
    y = x
    for step in range(40):
        y = ite(ne(x >> step & 1, 0), (y ^ x) * 3 + step, y)
    explored = Exploration(Obligation((), ule(y, 1 << 60)))
    taken: list[int] = []
    check = z3.Solver.check

    def counted(solver: z3.Solver, *literals: z3.BoolRef) -> z3.CheckSatResult:
        answer = check(solver, *literals)
        taken.append(int(solver.statistics().get_key_value("rlimit count")))
        return answer

    monkeypatch.setattr(z3.Solver, "check", counted)
    monkeypatch.setattr(small_search, "_BUDGET", 100_000)
    found = explored.answer()
    assert found.assignment is not None
    assert taken[-1] - taken[0] < 200_000
