"""Random terms over three bytes, with what each operation means on plain integers."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from mmuproof.smt import terms
from mmuproof.smt.terms import BitVec, Bool, bv, var

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
    "sdiv": (terms.sdiv, lambda a, b: divided(signed(a), signed(b)) if b else (1 if signed(a) < 0 else -1)),
    "srem": (terms.srem, lambda a, b: signed(a) - divided(signed(a), signed(b)) * signed(b) if b else a),
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
            children,
            children,
            st.integers(0, WIDTH),
        ),
        st.builds(lambda c, d, a, b: terms.ite(c & ~d | d & c, a, b), conditions, conditions, children, children),
        st.builds(lambda c, d, a, b: terms.ite(terms.iff(c, d) ^ c, a, b), conditions, conditions, children, children),
    )


vectors = st.recursive(leaves, extended, max_leaves=12)
truths = st.builds(lambda name, a, b: COMPARED[name][0](a, b), st.sampled_from(sorted(COMPARED)), vectors, vectors)
