"""C's conversions of values from one type to another."""

from __future__ import annotations

from mmuproof.lift.c_types import CType, FunctionType, IntType, PointerType, VoidType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.values import NULL, Place, Pointer, Target, Value, as_pointer, truth
from mmuproof.lift.syntax import Location
from mmuproof.smt.terms import TRUE, BitVec, bv, concat, extract, ite, resize, to_bv, ult, var


def unreached(type_: CType) -> Value:
    """A stand-in for a value that no execution sees."""
    return NULL if isinstance(type_, PointerType) else bv(0, type_.bits)


def convert(value: Value, source: CType, target: CType, at: Location) -> Value:
    """C's conversion of a value from one type to another.

    Raises:
        Refused: it is none to a scalar, or of an address that is not known to be whole bytes.
    """
    if isinstance(target, IntType):
        if target.is_bool:
            return to_bv(truth(value), 8)
        if isinstance(value, Pointer):
            return address(value, target, at)
        return resize(value, target.bits, signed=isinstance(source, IntType) and source.signed)
    if isinstance(target, PointerType):
        pointer = as_pointer(value)
        if pointer is None:
            assert isinstance(value, BitVec)
            wide = resize(value, 64, signed=isinstance(source, IntType) and source.signed)
            return Pointer((Target(guard=TRUE, address=wide),))
        return pointer
    if isinstance(target, VoidType | FunctionType):
        return value
    raise Refused(f"conversion to {target.name}", str(at))


def address(pointer: Pointer, target: IntType, at: Location) -> BitVec:
    """The number that a pointer has as an address: unknown, but the same for the same object."""
    result: BitVec | None = None
    for each in pointer.targets:
        number = _number(each, at)
        result = number if result is None else ite(each.guard, number, result)
    assert result is not None
    return resize(result, target.bits)


def _number(target: Target, at: Location) -> BitVec:
    if target.function is not None:
        return var(f"&{target.function.name}", 64)
    if target.address is not None:
        return target.address
    if target.place is None:
        return bv(0, 64)
    return place_number(target.place, at)


def place_number(place: Place, at: Location) -> BitVec:
    """The address of a place.

    Raises:
        Refused: it is one of a bit-field.
    """
    distances = [(bv(place.offset // 8, 64), place.offset)]
    distances += [(each.index * (each.stride // 8), each.stride) for each in place.dimensions]
    if any(bits % 8 for _, bits in distances):
        raise Refused("the address of a bit-field", str(at))
    low = place.object.aligned
    number = bv(0, 64) if low else var(place.object.address_name, 64)
    for distance, _ in distances:
        number = number + distance
    if not low:
        return number
    high = concat(bv(1, 1), var(place.object.address_name, 63 - low))
    if ult(number, 1 << low) is TRUE:
        # No carry reaches what is not known, so all that is known of the lowest bits stays so.
        return concat(high, extract(number, low - 1, 0))
    return concat(high, bv(0, low)) + number
