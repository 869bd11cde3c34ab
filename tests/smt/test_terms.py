"""Terms mean what SMT-LIB says, however they were simplified while they were built."""

from __future__ import annotations

import pytest
from hypothesis import given

from mmuproof.smt import graph, terms
from mmuproof.smt.graph import evaluate
from mmuproof.smt.obligation import Obligation, Verdict
from mmuproof.smt.solver import decide
from mmuproof.smt.terms import FALSE, TRUE, BitVec, bv, var

from .random_terms import BINARY, COMPARED, FULL, WIDTH, bytes_, values, vectors


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
