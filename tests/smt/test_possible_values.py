"""The values that a term may have are found where all it rests on are choices between numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mmuproof.smt.graph import evaluate, possible_values
from mmuproof.smt.terms import BitVec, bool_var, bv, ite, ult, var

from .random_terms import BINARY, COMPARED, WIDTH, bytes_

CONDITIONS = ("p", "q", "r")
choices = st.builds(
    lambda name, a, b: ite(bool_var(name), bv(a, WIDTH), bv(b, WIDTH)), st.sampled_from(CONDITIONS), bytes_, bytes_
)
computed = st.recursive(
    choices,
    lambda parts: st.builds(lambda name, a, b: BINARY[name][0](a, b), st.sampled_from(sorted(BINARY)), parts, parts),
    max_leaves=4,
)
decided = st.fixed_dictionaries(dict.fromkeys(CONDITIONS, st.integers(0, 1)))


@given(term=computed, known=decided)
def test_the_value_of_a_computed_choice_is_among_them(term: BitVec, known: dict[str, int]) -> None:
    found = possible_values(term)
    assert found is None or evaluate(term, known) in found


@given(name=st.sampled_from(sorted(COMPARED)), a=choices, b=choices, known=decided)
def test_so_is_that_of_a_comparison_of_choices(name: str, a: BitVec, b: BitVec, known: dict[str, int]) -> None:
    found = possible_values(COMPARED[name][0](a, b))
    assert found is not None
    assert evaluate(COMPARED[name][0](a, b), known) in found


def test_what_rests_on_an_input_may_be_anything() -> None:
    assert possible_values(ult(var("a", WIDTH), bv(3, WIDTH))) is None
    assert possible_values(ite(bool_var("p"), bv(1, WIDTH), var("a", WIDTH))) is None


def test_too_many_values_are_any() -> None:
    term = bv(0, WIDTH)
    for number in range(4):
        term = term + ite(bool_var(f"p{number}"), bv(1 << number, WIDTH), bv(0, WIDTH))
    assert possible_values(term) is None
    assert possible_values(term, limit=16) == frozenset(range(16))
