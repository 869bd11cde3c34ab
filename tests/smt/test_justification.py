"""Why a truth value is true: what is found is enough, and no more than it takes where that is plain."""

from __future__ import annotations

import pytest
from hypothesis import given

from mmuproof.smt.graph import evaluate
from mmuproof.smt.justification import justify
from mmuproof.smt.terms import Bool, all_of, any_of, bit, bool_var, concat, eq, extract, ite, ne, negate, ult, var, zext

from .random_terms import FULL, truths, values

X, Y = var("x", 16), var("y", 16)
P, Q = bool_var("p"), bool_var("q")


@given(term=truths, known=values, others=values)
def test_any_values_for_all_other_bits_leave_it_as_it_is(
    term: Bool, known: dict[str, int], others: dict[str, int]
) -> None:
    masks = justify(term, known)
    mixed = {name: known[name] & masks.get(name, 0) | others[name] & ~masks.get(name, 0) & FULL for name in known}
    assert evaluate(term, mixed) == evaluate(term, known)


#: What is looked at -> the truth value, its variables, and the bits that decide it.
DECIDED: dict[str, tuple[Bool, dict[str, int], dict[str, int]]] = {
    "a bit": (bit(X, 9), {"x": 0x200}, {"x": 0x200}),
    "a conjunction that is false": (all_of(P, Q), {"q": 1}, {"p": 1}),
    "a conjunction that is true": (all_of(P, Q), {"p": 1, "q": 1}, {"p": 1, "q": 1}),
    "a disjunction that is true": (any_of(P, Q), {"p": 0, "q": 1}, {"q": 1}),
    "what is needed anyway decides": (all_of(any_of(P, Q), Q, eq(Y, 0)), {"p": 1, "q": 1}, {"q": 1, "y": 0xFFFF}),
    "the branch that is taken": (bit(ite(P, X, Y), 0), {"p": 1, "x": 1}, {"p": 1, "x": 1}),
    "numbers that differ in several bits": (ne(X, Y), {"x": 6}, {"x": 2, "y": 2}),
    "numbers that are equal": (eq(X, Y), {}, {"x": 0xFFFF, "y": 0xFFFF}),
    "a bit behind a mask": (bit(X & Y, 3), {"x": 0, "y": 8}, {"x": 8}),
    "bits of a sum": (negate(bit(X + Y, 2)), {}, {"x": 7, "y": 7}),
    "a part of what stands side by side": (bit(concat(X, Y), 17), {"x": 2}, {"x": 2}),
    "a bit of an extended part": (bit(zext(extract(X, 11, 4), 32) << 3, 5), {"x": 0x40}, {"x": 0x40}),
    "an order": (ult(X, Y), {"y": 1}, {"x": 0xFFFF, "y": 0xFFFF}),
}


@pytest.mark.parametrize(("term", "known", "wanted"), DECIDED.values(), ids=DECIDED.keys())
def test_the_bits_that_decide_are_found(term: Bool, known: dict[str, int], wanted: dict[str, int]) -> None:
    assert justify(term, known) == wanted
