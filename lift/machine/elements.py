"""What is read of an array from outside of which only a pointer to its first element is known.

An element at an index that is not known is a value of its own, the same for the same index.  The first element is the
object that the pointer leads to.  Only reads are understood: nothing is known of an element that was written.
"""

from __future__ import annotations

from typing import Protocol

from mmuproof.lift.c_types import ArrayType, IntType, leaf_at
from mmuproof.lift.machine.memory import Base, Either, Initial, Unknown
from mmuproof.lift.machine.values import Object, ObjectKind, Place
from mmuproof.smt.terms import BitVec, bv, extract, ite, resize

ELEMENT = "[any]"
"""What stands for the index in an element's name."""


class Elements(Protocol):
    """Where the values of elements come from."""

    def element(self, array: str, index: BitVec, width: int) -> BitVec:
        """A part of an element, by a name for that part in all elements and the index, of 64 bits."""


def place_in_element(place: Place, width: int) -> tuple[BitVec, int] | None:
    """The index of the element that a place is in, and where in it; None if that is not so, or surely the first."""
    object_, bits = place.object, place.object.type.bits
    if object_.kind is not ObjectKind.INPUT or not object_.by_pointer or object_.shared or not bits:
        return None
    if isinstance(object_.type, ArrayType) or len(place.dimensions) > 1:
        return None
    number, within = divmod(place.offset, bits)
    index = bv(number, 64)
    for dimension in place.dimensions:
        if dimension.checked or dimension.stride != bits:
            return None
        index = index + dimension.index
    surely_first = index.is_const and index.value == 0
    return None if surely_first or within + width > bits else (index, within)


def read_element(
    elements: Elements, base: Base, object_: Object, index: BitVec, offset: int, width: int
) -> BitVec | None:
    """What an element holds that nothing has been written to since ``base``; None if that is not understood."""
    if isinstance(base, Either):
        then, other = (read_element(elements, each, object_, index, offset, width) for each in (base.then, base.other))
        return None if then is None or other is None else ite(base.condition, then, other)
    if not isinstance(base, Initial | Unknown):
        return None
    leaf = leaf_at(object_.type, offset)
    if not isinstance(leaf.type, IntType) and leaf.union is None:
        return None
    if offset + width > leaf.offset + leaf.width:
        return None
    inner = leaf.path if leaf.path.startswith("[") or not leaf.path else f".{leaf.path}"
    whole = f"{object_.name}{ELEMENT}{inner}"
    if isinstance(base, Unknown):
        whole = f"{base.called or object_.name}{ELEMENT}{inner} after {base.tag}"
    is_bool = isinstance(leaf.type, IntType) and leaf.type.is_bool
    value = resize(elements.element(whole, index, 1 if is_bool else leaf.width), leaf.width)
    low = offset - leaf.offset
    return value if width == leaf.width else extract(value, low + width - 1, low)
