"""Of every operation all is known, and what is known of it is true."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.smt import operations as ops
from mmuproof.smt import terms
from mmuproof.smt.graph import evaluate
from mmuproof.smt.operations import Op, Term, full
from mmuproof.smt.terms import BitVec, bool_var, bv, var
from mmuproof.smt.translation import Translation

A, B, C, D = var("a", 8), var("b", 8), bv(0x5A, 8), var("d", 1)
P, Q, S = bool_var("p"), bool_var("q"), bool_var("s")

# Terms with each operation; of those that constants make easier to see through, one with a constant.
MADE: dict[Op, Sequence[Term]] = {
    ops.CONST: [C, terms.TRUE],
    ops.VAR: [A, P],
    ops.NOT: [~A, ~P],
    ops.AND: [A & B, A & C, terms.all_of(P, Q, S)],
    ops.OR: [A | B, A | C, terms.any_of(P, Q, S)],
    ops.ITE: [terms.ite(P, A, B), terms.ite(P, A, C), terms.ite(P, bv(3, 8), C), terms.ite(P, Q, S)],
    ops.EQ: [terms.eq(A, B), terms.eq(A, C), terms.iff(P, Q), terms.eq(D, 1)],
    ops.ULT: [terms.ult(A, B), terms.ult(A, C)],
    ops.SLT: [terms.slt(A, B), terms.slt(A, C)],
    ops.XOR: [A ^ B, A ^ C],
    ops.ADD: [A + B, A + C],
    ops.SUB: [A - B, A - C],
    ops.MUL: [A * B, A * C],
    ops.UDIV: [terms.udiv(A, B), terms.udiv(A, C)],
    ops.UREM: [terms.urem(A, B), terms.urem(A, C)],
    ops.SDIV: [terms.sdiv(A, B), terms.sdiv(A, C)],
    ops.SREM: [terms.srem(A, B), terms.srem(A, C)],
    ops.SHL: [A << B],
    ops.LSHR: [A >> B],
    ops.ASHR: [terms.ashr(A, B), terms.ashr(A, 3)],
    ops.CONCAT: [terms.concat(A, B)],
    ops.EXTRACT: [terms.extract(A, 5, 2), terms.extract(A, 0, 0)],
    ops.ZEXT: [terms.zext(A, 12)],
    ops.SEXT: [terms.sext(A, 12)],
}
EACH = [pytest.param(term, id=repr(term)) for made in MADE.values() for term in made]
NUMBERS = st.lists(st.integers(0, 255), min_size=3, max_size=3)
BITS = st.integers(1, (1 << 16) - 1)


def value(term: Term, numbers: Sequence[int]) -> int:
    """The value of a term whose arguments have these values."""
    return evaluate(term, {arg.name: n for arg, n in zip(term.args, numbers, strict=False) if arg.op is ops.VAR})


def test_terms_of_every_operation_are_looked_at() -> None:
    assert set(MADE) == set(ops.ALL)
    assert all(term.op is op for op, made in MADE.items() for term in made)


def test_every_operation_has_a_name_and_all_but_leaves_a_function_of_the_solver() -> None:
    assert len({op.name for op in ops.ALL}) == len(ops.ALL)
    assert {op for op in ops.ALL if not op.solver} == {ops.CONST, ops.VAR}


@pytest.mark.parametrize("term", EACH)
def test_built_again_of_its_own_arguments_a_term_is_itself(term: Term) -> None:
    assert term.op.rebuild(terms, term, *term.args) is term


@pytest.mark.parametrize("term", EACH)
def test_the_solver_makes_an_expression_of_the_same_sort(term: Term) -> None:
    expression = Translation().expression(term)
    assert (expression.size() if isinstance(term, BitVec) else 0) == term.width


@pytest.mark.parametrize("term", EACH)
@given(numbers=NUMBERS, others=NUMBERS, bits=BITS)
def test_bits_that_are_not_needed_change_nothing(term: Term, numbers: list[int], others: list[int], bits: int) -> None:
    mask = bits & full(term) or 1
    needed = term.op.needs(term, mask)
    changed = [kept & each | other & ~each for kept, other, each in zip(numbers, others, needed, strict=False)]
    assert not (value(term, changed) ^ value(term, numbers)) & mask


@pytest.mark.parametrize("term", EACH)
@given(numbers=NUMBERS, others=NUMBERS, bits=BITS)
def test_bits_that_are_told_can_be_read_off(term: Term, numbers: list[int], others: list[int], bits: int) -> None:
    mask = bits & full(term) or 1
    if not (value(term, numbers) ^ value(term, others)) & mask:
        told = term.op.tells(term, mask)
        for arg, one, other, each in zip(term.args, numbers, others, told, strict=False):
            assert arg.is_const or not (one ^ other) & each


@pytest.mark.parametrize("term", EACH)
def test_bits_of_the_arguments_are_theirs(term: Term) -> None:
    for bits in (term.op.needs(term, full(term)), term.op.tells(term, full(term))):
        assert all(not mask & ~full(arg) for arg, mask in zip(term.args, bits, strict=True))
