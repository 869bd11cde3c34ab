from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mmuproof.smt.graph import evaluate, evaluate_all, postorder
from mmuproof.smt.slicing import bits_told, bits_used, selected, visited
from mmuproof.smt.terms import BitVec, Term, ashr, bit, bv, concat, eq, extract, ite, sext, slt, to_bv, ult, var, zext

WIDTH = 8
A, B = var("a", WIDTH), var("b", WIDTH)
FULL = (1 << WIDTH) - 1


def combined(child: st.SearchStrategy[BitVec]) -> st.SearchStrategy[BitVec]:
    small = st.integers(0, WIDTH - 1)
    return st.one_of(
        st.builds(lambda x, y: x & y, child, child),
        st.builds(lambda x, y: x | y, child, child),
        st.builds(lambda x, y: x ^ y, child, child),
        st.builds(lambda x, y: x + y, child, child),
        st.builds(lambda x, y: x - y, child, child),
        st.builds(lambda x, y: x * y, child, child),
        st.builds(lambda x: ~x, child),
        st.builds(lambda x, y: x << y, child, child),
        st.builds(lambda x, y: x >> y, child, child),
        st.builds(ashr, child, child),
        st.builds(lambda x, n: zext(extract(x, n, 0), WIDTH), child, small),
        st.builds(lambda x, n: sext(extract(x, n, 0), WIDTH), child, small),
        st.builds(lambda x, n: zext(extract(x, WIDTH - 1, n), WIDTH), child, small),
        st.builds(lambda x, y: concat(extract(x, 3, 0), extract(y, 7, 4)), child, child),
        st.builds(lambda x, y, z: ite(ult(x, y), y, z), child, child, child),
        st.builds(lambda x, y, n: ite(bit(x, n), y, x), child, child, small),
        st.builds(lambda x, y: to_bv(slt(x, y), WIDTH), child, child),
        st.builds(lambda x, y: to_bv(eq(x, y) | ult(x, y), WIDTH), child, child),
    )


def leaves() -> st.SearchStrategy[BitVec]:
    return st.one_of(st.sampled_from([A, B]), st.integers(0, FULL).map(lambda n: bv(n, WIDTH)))


TERMS = st.recursive(leaves(), combined, max_leaves=8)
BYTES = st.integers(0, FULL)


@given(TERMS, BYTES, BYTES, BYTES, BYTES)
def test_bits_that_are_not_used_change_nothing(term: BitVec, a: int, b: int, other_a: int, other_b: int) -> None:
    used = bits_used(term)
    keep_a, keep_b = used.get("a", 0), used.get("b", 0)
    changed = {"a": a & keep_a | other_a & ~keep_a, "b": b & keep_b | other_b & ~keep_b}
    assert evaluate(term, changed) == evaluate(term, {"a": a, "b": b})


@given(TERMS, BYTES, BYTES, BYTES, BYTES)
def test_bits_that_are_told_can_be_read_off(term: BitVec, a: int, b: int, other_a: int, other_b: int) -> None:
    told = bits_told(term)
    if evaluate(term, {"a": a, "b": b}) == evaluate(term, {"a": other_a, "b": other_b}):
        assert not (a ^ other_a) & told.get("a", 0)
        assert not (b ^ other_b) & told.get("b", 0)


def test_wiring_is_followed_bit_by_bit() -> None:
    role = var("role", 32)
    assert bits_used(extract(role, 7, 4)) == {"role": 0xF0}
    assert bits_used(to_bv(bit(role, 9), 32)) == {"role": 0x200}
    assert bits_told(bit(role, 9)) == {"role": 0x200}
    assert bits_told(role & 0x30) == {"role": 0x30}
    assert bits_used(role & 0x30) == {"role": 0x30}
    assert bits_told(role + 1) == {}


def values_of(root: Term, values: dict[str, int]) -> dict[Term, int]:
    terms = postorder([root])
    return dict(zip(terms, evaluate_all(terms, values), strict=True))


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
        values = values_of(table, {"a": index, "b": 0})
        assert selected(visited([table], values), values) == {index}
    either = ite(eq(A, 1), bv(7, WIDTH), B)
    values = values_of(either, {"a": 1, "b": 0})
    assert selected(visited([either], values), values) == set()


def test_of_a_false_conjunction_only_what_is_false_is_visited() -> None:
    right, wrong = ult(A, 5), ult(B, 5)
    term = right & wrong
    taken = visited([term], values_of(term, {"a": 1, "b": 9}))
    assert wrong in taken
    assert right not in taken
