"""What is said of a dependence holds of random terms, and is no more than it takes where that is plain."""

from __future__ import annotations

import pytest
from hypothesis import given

from mmuproof.smt.dependence import bits_told, bits_used, justify, selected, visited
from mmuproof.smt.graph import evaluate, evaluate_all, postorder
from mmuproof.smt.terms import (
    BitVec,
    Bool,
    Term,
    all_of,
    any_of,
    bit,
    bool_var,
    bv,
    concat,
    eq,
    extract,
    ite,
    ne,
    negate,
    to_bv,
    ult,
    var,
    zext,
)

from .random_terms import FULL, WIDTH, truths, values, vectors

A, B = var("a", WIDTH), var("b", WIDTH)
X, Y = var("x", 16), var("y", 16)
P, Q = bool_var("p"), bool_var("q")


def mixed(masks: dict[str, int], kept: dict[str, int], others: dict[str, int]) -> dict[str, int]:
    """An assignment in the bits of the masks, and another one in all others."""
    return {name: kept[name] & masks.get(name, 0) | others[name] & ~masks.get(name, 0) & FULL for name in kept}


@given(term=vectors, known=values, others=values)
def test_bits_that_are_not_used_change_nothing(term: BitVec, known: dict[str, int], others: dict[str, int]) -> None:
    assert evaluate(term, mixed(bits_used(term), known, others)) == evaluate(term, known)


@given(term=vectors, known=values, others=values)
def test_bits_that_are_told_can_be_read_off(term: BitVec, known: dict[str, int], others: dict[str, int]) -> None:
    if evaluate(term, known) == evaluate(term, others):
        assert not any((known[name] ^ others[name]) & mask for name, mask in bits_told(term).items())


@given(term=truths, known=values, others=values)
def test_bits_that_do_not_decide_leave_it_as_it_is(term: Bool, known: dict[str, int], others: dict[str, int]) -> None:
    assert evaluate(term, mixed(justify(term, known), known, others)) == evaluate(term, known)


def test_wiring_is_followed_bit_by_bit() -> None:
    role = var("role", 32)
    assert bits_used(extract(role, 7, 4)) == {"role": 0xF0}
    assert bits_used(to_bv(bit(role, 9), 32)) == {"role": 0x200}
    assert bits_told(bit(role, 9)) == {"role": 0x200}
    assert bits_told(role & 0x30) == {"role": 0x30}
    assert bits_used(role & 0x30) == {"role": 0x30}
    assert bits_told(role + 1) == {}


def values_of(root: Term, known: dict[str, int]) -> dict[Term, int]:
    terms = postorder([root])
    return dict(zip(terms, evaluate_all(terms, known), strict=True))


def test_only_the_branch_that_is_taken_is_visited() -> None:
    condition, then, other = bit(A, 0), A + 1, B + 2
    term = ite(condition, then, other)
    taken = visited([term], values_of(term, {"a": 1, "b": 0}))
    assert then in taken
    assert other not in taken
    assert condition in taken


def test_an_index_chooses_among_more_than_two() -> None:
    table = ite(eq(A, 1), bv(7, WIDTH), ite(eq(A, 2), B, bv(9, WIDTH)))
    for index in (1, 2, 3):
        known = values_of(table, {"a": index, "b": 0})
        assert selected(visited([table], known), known) == {index}
    either = ite(eq(A, 1), bv(7, WIDTH), B)
    known = values_of(either, {"a": 1, "b": 0})
    assert selected(visited([either], known), known) == set()


def test_of_a_false_conjunction_only_what_is_false_is_visited() -> None:
    right, wrong = ult(A, 5), ult(B, 5)
    term = right & wrong
    taken = visited([term], values_of(term, {"a": 1, "b": 9}))
    assert wrong in taken
    assert right not in taken


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
