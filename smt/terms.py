"""Bit-vector terms: immutable, shared, simplified while they are built, evaluated with plain integers.

A term is a node of a directed acyclic graph.  Equal terms are one object, so ``is`` compares them and
a graph with much sharing stays small.  No solver is involved: `mmuproof.smt.solver` hands terms to one,
and `evaluate` gives the value of a term without one, which is how a solver's answer is checked.

Two sorts exist: `Bool`, and `BitVec` with a width of one bit or more.  The operators ``+ - * & | ^ ~``
and ``<< >>`` work on bit-vectors modulo 2**width (``>>`` is the logical shift; a shift by the width or more
gives 0), ``& | ^ ~`` on truth values.  An ``int`` beside a bit-vector is taken modulo 2**width.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator
from functools import lru_cache
from typing import TypeVar, overload
from weakref import KeyedRef, ReferenceType, WeakValueDictionary

from mmuproof.smt import operations as ops
from mmuproof.smt.operations import Op
from mmuproof.smt.operations import Term as Term
from mmuproof.smt.operations import to_signed as to_signed


class Bool(Term):
    """A truth value."""

    __slots__ = ()

    def __and__(self, other: Bool) -> Bool:
        return all_of(self, other)

    def __or__(self, other: Bool) -> Bool:
        return any_of(self, other)

    def __xor__(self, other: Bool) -> Bool:
        return negate(iff(self, other))

    def __invert__(self) -> Bool:
        return negate(self)

    def __bool__(self) -> bool:
        if self.op is ops.CONST:
            return self.data == 1
        raise TypeError("a symbolic truth value has no Python truth; use &, |, ~, ite")


class BitVec(Term):
    """A bit-vector of ``width`` bits."""

    __slots__ = ()

    def _other(self, other: BitVec | int) -> BitVec:
        if isinstance(other, int):
            return bv(other, self.width)
        if other.width != self.width:
            raise ValueError(f"widths differ: {self.width} and {other.width}")
        return other

    def __and__(self, other: BitVec | int) -> BitVec:
        return _bitwise(ops.AND, self, self._other(other))

    def __or__(self, other: BitVec | int) -> BitVec:
        return _bitwise(ops.OR, self, self._other(other))

    def __xor__(self, other: BitVec | int) -> BitVec:
        return _bitwise(ops.XOR, self, self._other(other))

    __rand__ = __and__
    __ror__ = __or__
    __rxor__ = __xor__

    def __invert__(self) -> BitVec:
        if self.is_const:
            return _folded(ops.NOT, self.width, self)
        if self.op is ops.NOT:
            return _as_bv(self.args[0])
        return _make(BitVec, ops.NOT, self.width, (self,))

    def __neg__(self) -> BitVec:
        return bv(0, self.width) - self

    def __add__(self, other: BitVec | int) -> BitVec:
        return _arithmetic(ops.ADD, self, self._other(other))

    def __sub__(self, other: BitVec | int) -> BitVec:
        return _arithmetic(ops.SUB, self, self._other(other))

    def __mul__(self, other: BitVec | int) -> BitVec:
        return _arithmetic(ops.MUL, self, self._other(other))

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: int) -> BitVec:
        return bv(other, self.width) - self

    def __lshift__(self, other: BitVec | int) -> BitVec:
        return _shift(ops.SHL, self, self._other(other))

    def __rshift__(self, other: BitVec | int) -> BitVec:
        return _shift(ops.LSHR, self, self._other(other))


_T = TypeVar("_T", "Bool", "BitVec")
_Key = tuple[Op, int, int | str | None, tuple[Term, ...]]
_interned: WeakValueDictionary[_Key, Term] = WeakValueDictionary()
# Every step of lifting looks terms up, and the dictionary's own get() is a function in Python.
_references: dict[_Key, ReferenceType[Term]] = _interned.data  # type: ignore[attr-defined]
_forget: Callable[[ReferenceType[Term]], None] = _interned._remove  # type: ignore[attr-defined]


def _make(kind: type[_T], op: Op, width: int, args: tuple[Term, ...], data: int | str | None = None) -> _T:
    key = (op, width, data, args)
    reference = _references.get(key)
    if reference is not None and (found := reference()) is not None:
        # The operation, the width and the arguments leave no choice of the kind.
        return found  # type: ignore[return-value]
    term = kind.__new__(kind)
    term.op, term.args, term.data, term.width = op, args, data, width
    made: ReferenceType[Term] = KeyedRef(term, _forget, key)
    # Another thread may have made it meanwhile.
    found = _references.setdefault(key, made)()
    if found is None:
        _references[key] = made
        return term
    return found  # type: ignore[return-value]


def _as_bv(term: Term) -> BitVec:
    assert isinstance(term, BitVec)
    return term


def _as_bool(term: Term) -> Bool:
    assert isinstance(term, Bool)
    return term


# -- leaves ------------------------------------------------------------------------------------------


def bv(value: int, width: int) -> BitVec:
    """The constant ``value`` modulo 2**width."""
    if width < 1:
        raise ValueError(f"a bit-vector has at least one bit, not {width}")
    return _constant(value & ((1 << width) - 1), width)


@lru_cache(maxsize=1 << 14)
def _constant(value: int, width: int) -> BitVec:
    return _make(BitVec, ops.CONST, width, (), value)


def _folded(op: Op, width: int, *args: BitVec) -> BitVec:
    """An operation on constants."""
    return bv(op.fold(args[-1].width, *[arg.value for arg in args]), width)


def var(name: str, width: int) -> BitVec:
    """A free bit-vector; the same name and width give the same term."""
    if width < 1:
        raise ValueError(f"a bit-vector has at least one bit, not {width}")
    return _make(BitVec, ops.VAR, width, (), name)


def boolean(value: bool) -> Bool:
    """The constant ``value``."""
    return TRUE if value else FALSE


def bool_var(name: str) -> Bool:
    """A free truth value; the same name gives the same term."""
    return _make(Bool, ops.VAR, 0, (), name)


TRUE = _make(Bool, ops.CONST, 0, (), 1)
FALSE = _make(Bool, ops.CONST, 0, (), 0)


# -- truth values --------------------------------------------------------------------------------------


def negate(a: Bool) -> Bool:
    """Not ``a``."""
    if a.op is ops.CONST:
        return FALSE if a.data else TRUE
    if a.op is ops.NOT:
        return _as_bool(a.args[0])
    return _make(Bool, ops.NOT, 0, (a,))


def _flatten(op: Op, items: Iterable[Bool]) -> Iterator[Bool]:
    for item in items:
        if item.op is op:
            yield from item.args  # type: ignore[misc]
        else:
            yield item


def _junction(op: Op, neutral: Bool, items: Collection[Bool]) -> Bool:
    absorbing = FALSE if neutral is TRUE else TRUE
    if len(items) == 2:
        # Most are of two, and many of these of something constant.
        a, b = items
        if a is b or b is neutral:
            return a
        if a is neutral:
            return b
        if a is absorbing or b is absorbing:
            return absorbing
    other = ops.OR if op is ops.AND else ops.AND
    kept: dict[Bool, None] = {}
    negated: set[Term] = set()
    mixed = False
    for item in _flatten(op, items):
        kind = item.op
        if kind is ops.CONST:
            if item is absorbing:
                return absorbing
            continue
        if kind is ops.NOT:
            if item.args[0] in kept:
                return absorbing
            negated.add(item.args[0])
        elif item in negated:
            return absorbing
        elif kind is other:
            mixed = True
        kept[item] = None
    # Absorption against a junction of the other kind: a & (a | b) is a, a & (~a | b) is a & b.
    if mixed and len(kept) > 1:
        result: dict[Bool, None] = {}
        changed = False
        for item in kept:
            if item.op is other:
                inner: tuple[Bool, ...] = item.args  # type: ignore[assignment]
                if not kept.keys().isdisjoint(inner):
                    changed = True
                    continue
                rest = [arg for arg in inner if not _opposed(arg, kept, negated)]
                if len(rest) != len(inner):
                    changed = True
                    result[_junction(other, absorbing, rest)] = None
                    continue
            result[item] = None
        if changed:
            return _junction(op, neutral, result)
        if op is ops.OR and len(kept) == 2:
            joined = _resolve(*kept)
            if joined is not None:
                return joined
    if not kept:
        return neutral
    if len(kept) == 1:
        return next(iter(kept))
    return _make(Bool, op, 0, tuple(kept))


def _opposed(item: Bool, kept: Container[Term], negated: Container[Term]) -> bool:
    """Whether the opposite of ``item`` is kept; most opposites are never made."""
    return item.args[0] in kept if item.op is ops.NOT else item in negated


def _resolve(a: Bool, b: Bool) -> Bool | None:
    """(g & c) | (g & ~c) is g: what two branches that meet again leave of their conditions."""
    if a.op is not ops.AND or b.op is not ops.AND or len(a.args) != len(b.args):
        return None
    only_a = [arg for arg in a.args if arg not in b.args]
    only_b = [arg for arg in b.args if arg not in a.args]
    if len(only_a) == 1 and len(only_b) == 1 and negate(_as_bool(only_a[0])) is only_b[0]:
        return all_of(*(_as_bool(arg) for arg in a.args if arg is not only_a[0]))
    return None


def all_of(*items: Bool) -> Bool:
    """The conjunction; true for no items."""
    return _junction(ops.AND, TRUE, items)


def any_of(*items: Bool) -> Bool:
    """The disjunction; false for no items."""
    return _junction(ops.OR, FALSE, items)


def implies(a: Bool, b: Bool) -> Bool:
    """If ``a`` then ``b``."""
    if b is TRUE:
        return TRUE
    return any_of(negate(a), b)


def iff(a: Bool, b: Bool) -> Bool:
    """``a`` and ``b`` have the same truth value."""
    if a is b:
        return TRUE
    if a.op is ops.CONST:
        return b if a.data else negate(b)
    if b.op is ops.CONST:
        return a if b.data else negate(a)
    if negate(a) is b:
        return FALSE
    return _make(Bool, ops.EQ, 0, (a, b))


# -- comparisons -----------------------------------------------------------------------------------------


def eq(a: BitVec, b: BitVec | int) -> Bool:
    """``a`` equals ``b``."""
    b = a._other(b)
    if a is b:
        return TRUE
    if a.is_const:
        a, b = b, a
    if a.is_const and b.is_const:
        return FALSE
    if b.is_const:
        if a.op is ops.ITE and (a.args[1].is_const or a.args[2].is_const):
            condition, then, other = _as_bool(a.args[0]), _as_bv(a.args[1]), _as_bv(a.args[2])
            return ite(condition, eq(then, b), eq(other, b))
        if b.value & _known_zero(a) or (a.op is ops.OR and a.args[1].is_const and a.args[1].value & ~b.value):
            return FALSE
        if a.op in (ops.ZEXT, ops.CONCAT):
            parts = _parts(a)
            return all_of(*(eq(part, b.value >> low) for part, low in parts))
        if a.op is ops.NOT:
            return eq(_as_bv(a.args[0]), ~b.value)
        if a.op is ops.AND and a.args[1].is_const:
            mask = a.args[1].value
            if mask & (mask - 1) == 0:
                one = bit(_as_bv(a.args[0]), mask.bit_length() - 1)
                return one if b.value else negate(one)
        if a.width == 1 and b.value == 0:
            return negate(eq(a, 1))
    return _make(Bool, ops.EQ, 0, (a, b))


def ne(a: BitVec, b: BitVec | int) -> Bool:
    """``a`` differs from ``b``."""
    return negate(eq(a, b))


def ult(a: BitVec, b: BitVec | int) -> Bool:
    """``a`` < ``b``, unsigned."""
    b = a._other(b)
    if a is b or (b.is_const and b.value == 0):
        return FALSE
    if a.is_const and b.is_const:
        return boolean(bool(ops.ULT.fold(a.width, a.value, b.value)))
    if b.is_const and _largest(a) < b.value:
        return TRUE
    return _make(Bool, ops.ULT, 0, (a, b))


def ule(a: BitVec, b: BitVec | int) -> Bool:
    """``a`` <= ``b``, unsigned."""
    return negate(ult(a._other(b), a))


def slt(a: BitVec, b: BitVec | int) -> Bool:
    """``a`` < ``b``, two's complement."""
    b = a._other(b)
    if a is b:
        return FALSE
    if a.is_const and b.is_const:
        return boolean(bool(ops.SLT.fold(a.width, a.value, b.value)))
    if b.is_const and b.value == 0:
        return bit(a, a.width - 1)
    top = 1 << (a.width - 1)
    if _known_zero(a) & top and _known_zero(b) & top:
        return ult(a, b)
    return _make(Bool, ops.SLT, 0, (a, b))


def sle(a: BitVec, b: BitVec | int) -> Bool:
    """``a`` <= ``b``, two's complement."""
    return negate(slt(a._other(b), a))


def _largest(a: BitVec) -> int:
    return ((1 << a.width) - 1) & ~_known_zero(a)


# -- choice ----------------------------------------------------------------------------------------------


@overload
def ite(condition: Bool, then: Bool, other: Bool) -> Bool: ...
@overload
def ite(condition: Bool, then: BitVec, other: BitVec | int) -> BitVec: ...
def ite(condition: Bool, then: Bool | BitVec, other: Bool | BitVec | int) -> Bool | BitVec:
    """``then`` where ``condition`` holds, else ``other``; both of one sort."""
    if isinstance(then, BitVec):
        other = then._other(other) if isinstance(other, (BitVec, int)) else other
    if not isinstance(other, Term) or then.width != other.width:
        raise ValueError("the branches of a choice are of one sort")
    if then is other:
        return then
    if condition.op is ops.CONST:
        return then if condition.data else other
    if condition.op is ops.NOT:
        condition, then, other = _as_bool(condition.args[0]), other, then
    if isinstance(then, Bool):
        assert isinstance(other, Bool)
        if then.op is ops.CONST:
            return any_of(condition, other) if then.data else all_of(negate(condition), other)
        if other.op is ops.CONST:
            return any_of(negate(condition), then) if other.data else all_of(condition, then)
        if then is condition:
            return any_of(condition, other)
        if other is condition:
            return all_of(condition, then)
        if negate(then) is other:
            return iff(condition, then)
    if then.op is ops.ITE and then.args[0] is condition:
        return ite(condition, then.args[1], other)  # type: ignore[call-overload,no-any-return]
    if other.op is ops.ITE:
        if other.args[0] is condition:
            return ite(condition, then, other.args[2])  # type: ignore[call-overload,no-any-return]
        if other.args[1] is then:
            return ite(any_of(condition, _as_bool(other.args[0])), then, other.args[2])  # type: ignore[call-overload,no-any-return]
    if isinstance(then, Bool):
        return _make(Bool, ops.ITE, 0, (condition, then, other))
    return _make(BitVec, ops.ITE, then.width, (condition, then, other))


# -- bitwise and arithmetic ----------------------------------------------------------------------------------


# Of one number it is asked by every operation on it.  Which operations are looked through is a rule of simplification
# and shapes the terms, so it stands here and not with what is known of each operation.
@lru_cache(maxsize=1 << 14)
def _known_zero(a: BitVec, depth: int = 4) -> int:
    """A mask of bits that are surely 0; cheap, not complete."""
    full = (1 << a.width) - 1
    if a.op is ops.CONST:
        return full & ~a.value
    if depth == 0:
        return 0
    args = a.args
    if a.op is ops.ZEXT:
        inner = _as_bv(args[0])
        return (full & ~((1 << inner.width) - 1)) | _known_zero(inner, depth - 1)
    if a.op is ops.AND:
        return _known_zero(_as_bv(args[0]), depth - 1) | _known_zero(_as_bv(args[1]), depth - 1)
    if a.op in (ops.OR, ops.XOR):
        return _known_zero(_as_bv(args[0]), depth - 1) & _known_zero(_as_bv(args[1]), depth - 1)
    if a.op is ops.ITE:
        return _known_zero(_as_bv(args[1]), depth - 1) & _known_zero(_as_bv(args[2]), depth - 1)
    if a.op is ops.CONCAT:
        zeros = 0
        for part, low in _parts(a):
            zeros |= _known_zero(part, depth - 1) << low
        return zeros
    if a.op is ops.EXTRACT:
        assert isinstance(a.data, int)
        return (_known_zero(_as_bv(args[0]), depth - 1) >> a.data) & full
    return 0


def _bitwise(op: Op, a: BitVec, b: BitVec) -> BitVec:
    width, full = a.width, (1 << a.width) - 1
    if a.is_const:
        a, b = b, a
    if b.is_const:
        c = b.value
        if a.is_const:
            return bv(op.fold(width, a.value, c), width)
        if op is ops.AND:
            c &= ~_known_zero(a)
            if c == 0:
                return bv(0, width)
            if c | _known_zero(a) == full:
                return a
            b = bv(c, width)
        elif op is ops.OR:
            if c == 0:
                return a
            if c == full:
                return b
        elif c == 0:
            return a
        elif c == full:
            return ~a
        if a.op is op and a.args[1].is_const:
            return _bitwise(op, _as_bv(a.args[0]), bv(op.fold(width, a.args[1].value, c), width))
        if a.op is ops.ITE and (a.args[1].is_const or a.args[2].is_const):
            condition, then, other = _as_bool(a.args[0]), _as_bv(a.args[1]), _as_bv(a.args[2])
            return ite(condition, _bitwise(op, then, b), _bitwise(op, other, b))
        if op is ops.AND and a.op in (ops.OR, ops.XOR):
            for keep, drop in ((a.args[0], a.args[1]), (a.args[1], a.args[0])):
                if c & ~_known_zero(_as_bv(drop)) == 0:
                    return _bitwise(ops.AND, _as_bv(keep), b)
        if op is ops.AND and a.op is ops.ZEXT:
            narrow = _as_bv(a.args[0])
            return zext(_bitwise(ops.AND, narrow, bv(c, narrow.width)), width)
    if a is b:
        return bv(0, width) if op is ops.XOR else a
    if op is ops.AND and (~a) is b:
        return bv(0, width)
    return _make(BitVec, op, width, (a, b))


def _arithmetic(op: Op, a: BitVec, b: BitVec) -> BitVec:
    if op is not ops.SUB and a.is_const:
        a, b = b, a
    if b.is_const:
        if a.is_const:
            return _folded(op, a.width, a, b)
        if b.value == 0:
            return b if op is ops.MUL else a
        if op is ops.MUL and b.value == 1:
            return a
        if op is ops.MUL and b.value & (b.value - 1) == 0:
            return a << (b.value.bit_length() - 1)
    if op is ops.SUB and a is b:
        return bv(0, a.width)
    return _make(BitVec, op, a.width, (a, b))


def _shift(op: Op, a: BitVec, count: BitVec) -> BitVec:
    if count.is_const:
        n = min(count.value, a.width)
        if n == 0:
            return a
        if a.is_const:
            return _folded(op, a.width, a, count)
        if n == a.width and op is not ops.ASHR:
            return bv(0, a.width)
        if op is ops.LSHR:
            return zext(extract(a, a.width - 1, n), a.width)
        if op is ops.SHL:
            return concat(extract(a, a.width - 1 - n, 0), bv(0, n))
    elif count.op is ops.ITE and count.args[1].is_const and count.args[2].is_const:
        condition = _as_bool(count.args[0])
        return ite(condition, _shift(op, a, _as_bv(count.args[1])), _shift(op, a, _as_bv(count.args[2])))
    return _make(BitVec, op, a.width, (a, count))


def ashr(a: BitVec, count: BitVec | int) -> BitVec:
    """Arithmetic shift right; by the width or more gives copies of the sign bit."""
    return _shift(ops.ASHR, a, a._other(count))


def _divide(op: Op, a: BitVec, b: BitVec | int) -> BitVec:
    b = a._other(b)
    if a.is_const and b.is_const:
        return _folded(op, a.width, a, b)
    if b.is_const and b.value == 1:
        return a if op in (ops.UDIV, ops.SDIV) else bv(0, a.width)
    if b.is_const and b.value & (b.value - 1) == 0 and b.value and op in (ops.UDIV, ops.UREM):
        return a >> (b.value.bit_length() - 1) if op is ops.UDIV else a & (b.value - 1)
    return _make(BitVec, op, a.width, (a, b))


def udiv(a: BitVec, b: BitVec | int) -> BitVec:
    """Unsigned quotient; by zero as SMT-LIB has it (all ones)."""
    return _divide(ops.UDIV, a, b)


def urem(a: BitVec, b: BitVec | int) -> BitVec:
    """Unsigned remainder; by zero the dividend."""
    return _divide(ops.UREM, a, b)


def sdiv(a: BitVec, b: BitVec | int) -> BitVec:
    """Signed quotient, rounding towards zero."""
    return _divide(ops.SDIV, a, b)


def srem(a: BitVec, b: BitVec | int) -> BitVec:
    """Signed remainder, with the sign of the dividend."""
    return _divide(ops.SREM, a, b)


# -- structure ---------------------------------------------------------------------------------------------


def _parts(a: BitVec) -> list[tuple[BitVec, int]]:
    """The pieces of a concat or zero-extension with their low bits; the term itself otherwise."""
    if a.op is ops.ZEXT:
        inner = _as_bv(a.args[0])
        return [(inner, 0), (bv(0, a.width - inner.width), inner.width)]
    if a.op is ops.CONCAT:
        high, low = _as_bv(a.args[0]), _as_bv(a.args[1])
        return [(low, 0), (high, low.width)]
    return [(a, 0)]


def extract(a: BitVec, high: int, low: int) -> BitVec:
    """Bits ``high`` down to ``low``, both included; ``high - low + 1`` bits."""
    return _extract(a, high, low)


# Extracting goes down through shared parts of a graph, and without a memory through each many times.
@lru_cache(maxsize=1 << 16)
def _extract(a: BitVec, high: int, low: int) -> BitVec:
    width = high - low + 1
    if not 0 <= low <= high < a.width:
        raise ValueError(f"no bits {high}:{low} in {a.width} bits")
    if width == a.width:
        return a
    if a.is_const:
        return bv(ops.EXTRACT.fold(low, a.value), width)
    if a.op is ops.EXTRACT:
        assert isinstance(a.data, int)
        return extract(_as_bv(a.args[0]), a.data + high, a.data + low)
    if a.op in (ops.ZEXT, ops.CONCAT):
        pieces: list[BitVec] = []
        for part, start in _parts(a):
            top = start + part.width - 1
            if high >= start and low <= top:
                pieces.append(extract(part, min(high, top) - start, max(low, start) - start))
        return concat(*reversed(pieces))
    if a.op in (ops.AND, ops.OR, ops.XOR):
        left, right = (extract(_as_bv(arg), high, low) for arg in a.args)
        return _bitwise(a.op, left, right)
    if a.op is ops.NOT:
        return ~extract(_as_bv(a.args[0]), high, low)
    if a.op is ops.ITE:
        condition, then, other = a.args
        return ite(_as_bool(condition), extract(_as_bv(then), high, low), extract(_as_bv(other), high, low))
    if a.op is ops.SEXT and high < a.args[0].width:
        return extract(_as_bv(a.args[0]), high, low)
    if a.op in (ops.ADD, ops.SUB, ops.MUL) and low == 0:
        left, right = (extract(_as_bv(arg), high, 0) for arg in a.args)
        return _arithmetic(a.op, left, right)
    return _make(BitVec, ops.EXTRACT, width, (a,), low)


def bit(a: BitVec, index: int) -> Bool:
    """Whether bit ``index`` of ``a`` is 1."""
    return eq(extract(a, index, index), 1)


def concat(*parts: BitVec) -> BitVec:
    """The parts side by side, the most significant first."""
    if not parts:
        raise ValueError("nothing to concatenate")
    result = parts[-1]
    for high in reversed(parts[:-1]):
        result = _concat(high, result)
    return result


def _concat(high: BitVec, low: BitVec) -> BitVec:
    width = high.width + low.width
    if high.is_const and low.is_const:
        return _folded(ops.CONCAT, width, high, low)
    if high.is_const and high.value == 0:
        return zext(low, width)
    if high.op is ops.EXTRACT and low.op is ops.EXTRACT and high.args[0] is low.args[0]:
        assert isinstance(high.data, int)
        assert isinstance(low.data, int)
        if high.data == low.data + low.width:
            return extract(_as_bv(low.args[0]), high.data + high.width - 1, low.data)
    if high.op is ops.ZEXT:
        inner = _as_bv(high.args[0])
        return zext(_concat(inner, low), width)
    if (
        low.op is ops.CONCAT
        and low.args[0].op is ops.EXTRACT
        and high.op is ops.EXTRACT
        and low.args[0].args[0] is high.args[0]
    ):
        joined = _concat(high, _as_bv(low.args[0]))
        if joined.op is not ops.CONCAT:
            return _concat(joined, _as_bv(low.args[1]))
    return _make(BitVec, ops.CONCAT, width, (high, low))


def zext(a: BitVec, width: int) -> BitVec:
    """``a`` with zeros in front, ``width`` bits in all."""
    if width < a.width:
        raise ValueError(f"{width} bits do not hold {a.width}")
    if width == a.width:
        return a
    if a.is_const:
        return _folded(ops.ZEXT, width, a)
    if a.op is ops.ZEXT:
        return zext(_as_bv(a.args[0]), width)
    if a.op is ops.ITE and (a.args[1].is_const or a.args[2].is_const):
        condition, then, other = a.args
        return ite(_as_bool(condition), zext(_as_bv(then), width), zext(_as_bv(other), width))
    return _make(BitVec, ops.ZEXT, width, (a,))


def sext(a: BitVec, width: int) -> BitVec:
    """``a`` with copies of its sign bit in front, ``width`` bits in all."""
    if width < a.width:
        raise ValueError(f"{width} bits do not hold {a.width}")
    if width == a.width:
        return a
    if a.is_const:
        return _folded(ops.SEXT, width, a)
    if _known_zero(a) >> (a.width - 1):
        return zext(a, width)
    if a.op is ops.ITE and (a.args[1].is_const or a.args[2].is_const):
        condition, then, other = a.args
        return ite(_as_bool(condition), sext(_as_bv(then), width), sext(_as_bv(other), width))
    return _make(BitVec, ops.SEXT, width, (a,))


def to_bv(a: Bool, width: int = 1) -> BitVec:
    """1 where ``a`` holds, else 0."""
    return ite(a, bv(1, width), bv(0, width))


def resize(a: BitVec, width: int, *, signed: bool = False) -> BitVec:
    """``a`` cut off or extended to ``width`` bits."""
    if width == a.width:
        return a
    if width < a.width:
        return extract(a, width - 1, 0)
    return sext(a, width) if signed else zext(a, width)
