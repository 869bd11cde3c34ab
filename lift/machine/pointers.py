"""Arithmetic on pointers, and their comparison."""

from __future__ import annotations

from collections.abc import Callable

from mmuproof.lift import syntax
from mmuproof.lift.c_types import CType, IntType, PointerType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.values import Dimension, Place, Pointer, Target, Value, as_int, as_pointer, same_place
from mmuproof.lift.syntax import BinaryOp, Expr, Location
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, bv, eq, ite, negate, resize, sdiv, to_signed


def advance(pointer: Pointer, element: CType, count: BitVec, at: Location) -> Pointer:
    """``pointer + count`` in elements of the given type (a byte for void, as GNU C has it).

    Raises:
        Refused: it may lead to a function, or to something without size.
    """
    stride = element.bits
    targets: list[Target] = []
    for target in pointer.targets:
        place = target.place
        if count.is_const and count.value == 0:
            targets.append(target)
            continue
        if target.address is not None:
            targets.append(Target(guard=target.guard, address=target.address + count * (stride // 8)))
        elif place is None:
            if target.function is not None:
                raise Refused("arithmetic on a function's address", str(at))
            # Null plus something: whoever follows it follows null.
            targets.append(target)
        elif count.is_const:
            moved = place.moved(to_signed(count.value, 64) * stride)
            targets.append(Target(guard=target.guard, place=moved))
        else:
            targets.append(Target(guard=target.guard, place=_moved(place, count, stride, at)))
    return Pointer(tuple(targets))


def pointer_binary(expr: syntax.Binary, left: Value, right: Value) -> Value:
    """The value of an operator one of whose operands is a pointer.

    Raises:
        Refused: the operator has no meaning for what the operands may lead to.
    """
    op = expr.op
    if op in (BinaryOp.ADD, BinaryOp.SUB) and isinstance(expr.type, PointerType):
        if op is BinaryOp.ADD and isinstance(expr.left.type, IntType):
            return _offset(right, expr.right, left, expr.left, op, expr)
        return _offset(left, expr.left, right, expr.right, op, expr)
    a, b = as_pointer(left), as_pointer(right)
    if a is None or b is None:
        raise Refused(f"{op.value} on a pointer and a number", str(expr.at))
    if op in (BinaryOp.EQ, BinaryOp.NE):
        same = same_place(a, b)
        return as_int(same if op is BinaryOp.EQ else negate(same))
    order = _ORDER.get(op)
    if order is not None:
        return as_int(order(_distance(a, b, expr.at)))
    if op is BinaryOp.SUB and isinstance(expr.left.type, PointerType):
        size = expr.left.type.target.bits
        return sdiv(_distance(a, b, expr.at), bv(max(size, 1), 64))
    raise Refused(f"{op.value} on pointers", str(expr.at))


def tell_apart(left: Value, right: Value) -> bool:
    """Whether two pointers may lead to objects of which it is only supposed that they are not one."""
    a, b = as_pointer(left), as_pointer(right)
    if a is None or b is None:
        return False
    places = [[each.place for each in pointer.targets if each.place is not None] for pointer in (a, b)]
    return any(one.object is not other.object for one in places[0] for other in places[1])


def _offset(base: Value, base_expr: Expr, count: Value, count_expr: Expr, op: BinaryOp, expr: syntax.Binary) -> Pointer:
    pointer = as_pointer(base)
    if (
        pointer is None
        or not isinstance(count, BitVec)
        or not isinstance(count_expr.type, IntType)
        or not isinstance(base_expr.type, PointerType)
    ):
        raise Refused(f"{op.value} on a pointer", str(expr.at))
    wide = resize(count, 64, signed=count_expr.type.signed)
    return advance(pointer, base_expr.type.target, -wide if op is BinaryOp.SUB else wide, expr.at)


def _moved(place: Place, count: BitVec, stride: int, at: Location) -> Place:
    """``count`` elements further on, where the count is not known."""
    if stride == 0:
        raise Refused("arithmetic on a pointer to something without size", str(at))
    others = place.dimensions
    if others and others[-1].stride == stride:
        count = count + others[-1].index
        others = others[:-1]
    # Every element that may lie in the object, whatever the other indices add.
    low = -(place.offset // stride)
    high = (place.object.type.bits - place.offset) // stride
    for other in others:
        low -= -(-(other.low + other.count) * other.stride // stride)
        high -= other.low * other.stride // stride
    dimension = Dimension(index=count, stride=stride, count=max(high - low + 1, 0), low=low, checked=False)
    return Place(place.object, place.offset, (*others, dimension))


def _distance(left: Pointer, right: Pointer, at: Location) -> BitVec:
    """How far ``left`` is behind ``right``, in bits; both are in one object, or numbers."""
    result: BitVec | None = None
    for a in left.targets:
        for b in right.targets:
            if all_of(a.guard, b.guard) is FALSE:
                continue
            if a.address is not None and b.address is not None:
                each = (a.address - b.address) * 8
            elif a.place is None or b.place is None or a.place.object is not b.place.object:
                raise Refused("pointers into different objects are compared or subtracted", str(at))
            else:
                each = a.place.position - b.place.position
            result = each if result is None else ite(all_of(a.guard, b.guard), each, result)
    if result is None:
        raise Refused("pointers into different objects are compared or subtracted", str(at))
    return result


def _negative(value: BitVec) -> Bool:
    return eq(value >> 63, 1)


_ORDER: dict[BinaryOp, Callable[[BitVec], Bool]] = {
    BinaryOp.LT: _negative,
    BinaryOp.GE: lambda distance: negate(_negative(distance)),
    BinaryOp.GT: lambda distance: _negative(-distance),
    BinaryOp.LE: lambda distance: negate(_negative(-distance)),
}
