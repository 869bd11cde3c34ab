"""C's integer operators on promoted operands, in the kernel's dialect: signed arithmetic wraps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mmuproof.lift.c_types import INT, IntType, usual_arithmetic
from mmuproof.lift.machine.findings import CheckKind
from mmuproof.lift.machine.values import as_int
from mmuproof.lift.syntax import BinaryOp
from mmuproof.smt import operations as ops
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    ashr,
    bv,
    eq,
    ite,
    ne,
    negate,
    resize,
    sdiv,
    slt,
    srem,
    udiv,
    ult,
    urem,
)


@dataclass(frozen=True)
class Outcome:
    """The value of an operation, its type, and the condition under which C defines it."""

    value: BitVec
    type: IntType
    kind: CheckKind = CheckKind.DIVISION
    defined: Bool = TRUE


def operate(op: BinaryOp, left: BitVec, left_type: IntType, right: BitVec, right_type: IntType) -> Outcome:
    """``left op right``; both operands have been promoted."""
    if op in (BinaryOp.SHL, BinaryOp.SHR):
        return _shift(op, left, left_type, right)
    common = usual_arithmetic(left_type, right_type)
    a = resize(left, common.bits, signed=left_type.signed)
    b = resize(right, common.bits, signed=right_type.signed)
    compare = _COMPARISONS.get(op)
    if compare is not None:
        return Outcome(as_int(compare(a, b, common.signed)), INT)
    value = _OPERATIONS[op](a, b, common.signed)
    if op not in (BinaryOp.DIV, BinaryOp.REM):
        return Outcome(value, common)
    defined = ne(b, 0)
    if common.signed:
        # The one quotient that does not fit; the processor traps.
        defined &= negate(all_of(eq(a, 1 << (common.bits - 1)), eq(b, -1)))
    return Outcome(value, common, CheckKind.DIVISION, defined)


def _shift(op: BinaryOp, left: BitVec, type_: IntType, right: BitVec) -> Outcome:
    # A negative count is a huge one when it is read as unsigned.
    defined = ult(right, type_.bits)
    if right.width > left.width:
        count = ite(defined, resize(right, left.width), bv(left.width, left.width))
    else:
        count = resize(right, left.width)
    # A widened unsigned operand has no sign, and without one the shift simplifies further.
    signed = type_.signed and left.op is not ops.ZEXT
    right_shifted = ashr(left, count) if signed else left >> count
    value = left << count if op is BinaryOp.SHL else right_shifted
    return Outcome(value, type_, CheckKind.SHIFT, defined)


def _largest(a: BitVec) -> int:
    """A number that ``a``, read as unsigned, surely does not exceed."""
    inner = a.args[0] if a.op is ops.ZEXT else a
    if inner.op is ops.AND and inner.args[1].is_const:
        return inner.args[1].value
    return (1 << inner.width) - 1


def _less(a: BitVec, b: BitVec, signed: bool) -> Bool:
    if a.is_const and _largest(b) <= a.value < 1 << (a.width - 1):
        # What ends a loop that counts up to a narrow value.
        return FALSE
    return slt(a, b) if signed else ult(a, b)


_COMPARISONS: Mapping[BinaryOp, Callable[[BitVec, BitVec, bool], Bool]] = {
    BinaryOp.EQ: lambda a, b, _signed: eq(a, b),
    BinaryOp.NE: lambda a, b, _signed: ne(a, b),
    BinaryOp.LT: lambda a, b, signed: _less(a, b, signed),
    BinaryOp.LE: lambda a, b, signed: negate(_less(b, a, signed)),
    BinaryOp.GT: lambda a, b, signed: _less(b, a, signed),
    BinaryOp.GE: lambda a, b, signed: negate(_less(a, b, signed)),
}

_OPERATIONS: Mapping[BinaryOp, Callable[[BitVec, BitVec, bool], BitVec]] = {
    BinaryOp.ADD: lambda a, b, _signed: a + b,
    BinaryOp.SUB: lambda a, b, _signed: a - b,
    BinaryOp.MUL: lambda a, b, _signed: a * b,
    BinaryOp.DIV: lambda a, b, signed: sdiv(a, b) if signed else udiv(a, b),
    BinaryOp.REM: lambda a, b, signed: srem(a, b) if signed else urem(a, b),
    BinaryOp.AND: lambda a, b, _signed: a & b,
    BinaryOp.OR: lambda a, b, _signed: a | b,
    BinaryOp.XOR: lambda a, b, _signed: a ^ b,
}
