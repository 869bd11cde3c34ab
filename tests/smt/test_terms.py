"""Terms mean what SMT-LIB says, however they were simplified while they were built."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.smt import graph, terms
from mmuproof.smt.graph import evaluate
from mmuproof.smt.obligation import Obligation, Verdict
from mmuproof.smt.solver import decide
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    bv,
    var,
)

WIDTH = 8
FULL = (1 << WIDTH) - 1
NAMES = ("a", "b", "c")

bytes_ = st.integers(0, FULL)
values = st.fixed_dictionaries(dict.fromkeys(NAMES, bytes_))
leaves = st.one_of(st.sampled_from([var(name, WIDTH) for name in NAMES]), bytes_.map(lambda value: bv(value, WIDTH)))


def signed(value: int) -> int:
    return value - (1 << WIDTH) if value >> (WIDTH - 1) else value


def divided(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


BINARY: dict[str, tuple[Callable[[BitVec, BitVec], BitVec], Callable[[int, int], int]]] = {
    "and": (lambda a, b: a & b, lambda a, b: a & b),
    "or": (lambda a, b: a | b, lambda a, b: a | b),
    "xor": (lambda a, b: a ^ b, lambda a, b: a ^ b),
    "add": (lambda a, b: a + b, lambda a, b: a + b),
    "sub": (lambda a, b: a - b, lambda a, b: a - b),
    "mul": (lambda a, b: a * b, lambda a, b: a * b),
    "shl": (lambda a, b: a << b, lambda a, b: a << b if b < WIDTH else 0),
    "lshr": (lambda a, b: a >> b, lambda a, b: a >> b),
    "ashr": (terms.ashr, lambda a, b: signed(a) >> min(b, WIDTH)),
    "udiv": (terms.udiv, lambda a, b: a // b if b else FULL),
    "urem": (terms.urem, lambda a, b: a % b if b else a),
    "sdiv": (
        terms.sdiv,
        lambda a, b: divided(signed(a), signed(b)) if b else (1 if signed(a) < 0 else -1),
    ),
    "srem": (
        terms.srem,
        lambda a, b: signed(a) - divided(signed(a), signed(b)) * signed(b) if b else a,
    ),
}
COMPARED: dict[str, tuple[Callable[[BitVec, BitVec], Bool], Callable[[int, int], bool]]] = {
    "eq": (terms.eq, lambda a, b: a == b),
    "ne": (terms.ne, lambda a, b: a != b),
    "ult": (terms.ult, lambda a, b: a < b),
    "ule": (terms.ule, lambda a, b: a <= b),
    "slt": (terms.slt, lambda a, b: signed(a) < signed(b)),
    "sle": (terms.sle, lambda a, b: signed(a) <= signed(b)),
}


def extended(children: st.SearchStrategy[BitVec]) -> st.SearchStrategy[BitVec]:
    def compare(name: str, a: BitVec, b: BitVec) -> Bool:
        return COMPARED[name][0](a, b)

    conditions = st.builds(compare, st.sampled_from(sorted(COMPARED)), children, children)
    return st.one_of(
        st.builds(lambda name, a, b: BINARY[name][0](a, b), st.sampled_from(sorted(BINARY)), children, children),
        st.builds(lambda a: ~a, children),
        st.builds(lambda a, low: terms.zext(terms.extract(a, WIDTH - 1, low), WIDTH), children, st.integers(0, 7)),
        st.builds(lambda a, high: terms.sext(terms.extract(a, high, 0), WIDTH), children, st.integers(0, 7)),
        st.builds(
            lambda a, b, low: terms.extract(terms.concat(a, b), low + WIDTH - 1, low),
            children, children, st.integers(0, WIDTH),
        ),
        st.builds(lambda c, d, a, b: terms.ite(c & ~d | d & c, a, b), conditions, conditions, children, children),
        st.builds(lambda c, d, a, b: terms.ite(terms.iff(c, d) ^ c, a, b), conditions, conditions, children, children),
    )  # fmt: skip


vectors = st.recursive(leaves, extended, max_leaves=12)


@pytest.mark.parametrize("name", sorted(BINARY))
@given(a=bytes_, b=bytes_)
def test_an_operation_on_constants_is_smt_libs(name: str, a: int, b: int) -> None:
    build, meaning = BINARY[name]
    assert build(bv(a, WIDTH), bv(b, WIDTH)).value == meaning(a, b) & FULL


@pytest.mark.parametrize("name", sorted(BINARY))
@given(a=bytes_, b=bytes_)
def test_an_operation_on_variables_evaluates_to_the_same(name: str, a: int, b: int) -> None:
    build, meaning = BINARY[name]
    assert evaluate(build(var("a", WIDTH), var("b", WIDTH)), {"a": a, "b": b}) == meaning(a, b) & FULL


@pytest.mark.parametrize("name", sorted(COMPARED))
@given(a=bytes_, b=bytes_)
def test_a_comparison_with_a_constant_evaluates_to_the_same(name: str, a: int, b: int) -> None:
    build, meaning = COMPARED[name]
    assert evaluate(build(var("a", WIDTH), bv(b, WIDTH)), {"a": a}) == meaning(a, b)
    assert evaluate(build(bv(a, WIDTH), var("b", WIDTH)), {"b": b}) == meaning(a, b)


@given(term=vectors, known=values)
def test_putting_values_in_and_evaluating_agree(term: BitVec, known: dict[str, int]) -> None:
    replacements: dict[terms.Term, terms.Term] = {var(n, WIDTH): bv(v, WIDTH) for n, v in known.items()}
    assert graph.substitute(term, replacements).value == evaluate(term, known)


@given(term=vectors, known=values)
def test_the_solver_and_the_evaluator_agree(term: BitVec, known: dict[str, int]) -> None:
    fixed = terms.all_of(*(terms.eq(var(name, WIDTH), value) for name, value in known.items()))
    claim = terms.implies(fixed, terms.eq(term, evaluate(term, known)))
    assert decide(Obligation((), claim)).verdict is Verdict.PROVED


@given(a=vectors, b=vectors, known=values)
def test_simplifying_a_conjunction_keeps_its_meaning(a: BitVec, b: BitVec, known: dict[str, int]) -> None:
    left, right = terms.ult(a, b), terms.eq(a, b)
    for build, meaning in (
        (terms.all_of(left, terms.any_of(~left, right)), lambda p, q: p and (not p or q)),
        (terms.any_of(left, terms.all_of(~left, right)), lambda p, q: p or (not p and q)),
        (terms.any_of(terms.all_of(left, right), terms.all_of(left, ~right)), lambda p, _q: p),
    ):
        p, q = (bool(evaluate(each, known)) for each in (left, right))
        assert bool(evaluate(build, known)) == meaning(p, q)


def test_equal_terms_are_one_object() -> None:
    assert var("x", 8) + 1 is var("x", 8) + 1
    assert var("x", 8) is not var("x", 9)


def test_a_symbolic_truth_value_has_no_python_truth() -> None:
    assert bool(TRUE)
    assert not bool(FALSE)
    with pytest.raises(TypeError, match="no Python truth"):
        bool(terms.bool_var("p"))


@pytest.mark.parametrize("high_low", [(8, 0), (3, 4), (2, -1)])
def test_an_extract_outside_the_vector_is_an_error(high_low: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no bits"):
        terms.extract(var("x", 8), *high_low)


def test_operands_of_different_widths_are_an_error() -> None:
    with pytest.raises(ValueError, match="widths differ"):
        var("x", 8) & var("y", 9)


def test_one_name_with_two_widths_is_an_error() -> None:
    with pytest.raises(ValueError, match="two widths"):
        graph.variables(terms.zext(var("x", 8), 16) + var("x", 16))
