"""Memory of the abstract machine: objects laid out as the ABI lays them out, bit by bit, and pointers."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from mmuproof.lift.c_types import CType, FunctionType, IntType, PointerType, leaf_at
from mmuproof.lift.errors import Refused
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bool_var,
    bv,
    concat,
    eq,
    extract,
    ite,
    negate,
    to_bv,
    var,
    zext,
)


class ObjectKind(enum.Enum):
    """What an object holds before anything is written to it."""

    INPUT = "input"
    """A free value for every scalar; a pointer leads to an input object of its own."""
    UNSET = "unset"
    """Nothing: a read is undefined behaviour."""
    ZERO = "zero"
    """Zeros."""


@dataclass(eq=False)
class Object:
    """A piece of memory.

    Args:
        name: what a report calls it.
        type: its C type.
        kind: what it holds at first.
        by_pointer: whether members are written ``name->member``.
    """

    name: str
    type: CType
    kind: ObjectKind
    by_pointer: bool = False
    _leaves: dict[int, Cell] = field(default_factory=dict, repr=False)
    _pointees: dict[str, Object] = field(default_factory=dict, repr=False)

    def path(self, inner: str) -> str:
        """The name of a part of the object."""
        if not inner:
            return f"*{self.name}" if self.by_pointer else self.name
        if inner.startswith("["):
            return self.name + inner
        return f"{self.name}{'->' if self.by_pointer else '.'}{inner}"


@dataclass(frozen=True)
class FunctionRef:
    """A function that a pointer leads to, by name; for an unknown pointer, by the pointer's own path."""

    name: str
    known: bool


@dataclass(frozen=True)
class Dimension:
    """An index into an array that is not known when the program is read: ``index * stride`` bits."""

    index: BitVec
    stride: int
    count: int


@dataclass(frozen=True)
class Place:
    """Where a scalar or aggregate is: an object and an offset in bits, fixed but for some indices."""

    object: Object
    offset: int
    dimensions: tuple[Dimension, ...] = ()


@dataclass(frozen=True)
class Target:
    """One thing that a pointer may point to: a place, a function, or (neither) nothing."""

    guard: Bool
    place: Place | None = None
    function: FunctionRef | None = None


@dataclass(frozen=True)
class Pointer:
    """A pointer: what it points to under which condition; the conditions exclude each other."""

    targets: tuple[Target, ...]

    @property
    def is_null(self) -> Bool:
        """Whether the pointer is null."""
        return any_of(*(t.guard for t in self.targets if t.place is None and t.function is None))


NULL = Pointer((Target(TRUE),))

Value = BitVec | Pointer


@dataclass(frozen=True)
class Cell:
    """A value that fills ``width`` bits of an object."""

    width: int
    value: Value


def pointer_to(object_: Object, offset: int = 0) -> Pointer:
    """A pointer to a place in an object."""
    return Pointer((Target(TRUE, Place(object_, offset)),))


def choose(condition: Bool, then: Value, other: Value) -> Value:
    """``then`` where ``condition`` holds, else ``other``.

    Raises:
        Refused: one is an integer and the other a pointer.
    """
    if then is other:
        return then
    if isinstance(then, Pointer) and isinstance(other, Pointer):
        targets: dict[tuple[Place | None, FunctionRef | None], Bool] = {}
        for guard, pointer in ((condition, then), (negate(condition), other)):
            for target in pointer.targets:
                key = (target.place, target.function)
                targets[key] = any_of(targets.get(key, FALSE), all_of(guard, target.guard))
        return Pointer(tuple(
            Target(guard, place, function)
            for (place, function), guard in targets.items() if guard is not FALSE
        ))  # fmt: skip
    if isinstance(then, BitVec) and isinstance(other, BitVec):
        return ite(condition, then, other)
    pointer, number = (then, other) if isinstance(then, Pointer) else (other, then)
    if isinstance(number, BitVec) and number.is_const and number.value == 0 and isinstance(pointer, Pointer):
        return choose(condition, *((pointer, NULL) if pointer is then else (NULL, pointer)))
    raise Refused("a value that is a pointer on one path and a number on another")


class Base(Protocol):
    """What an object holds where nothing has been written."""

    def cell(self, object_: Object, position: int) -> tuple[int, Cell]:
        """The cell that covers the bit at ``position``, with its offset."""


@dataclass(frozen=True)
class Initial:
    """The content that an object starts with; ``epoch`` counts how often it has become unknown."""

    epoch: int = 0

    def cell(self, object_: Object, position: int) -> tuple[int, Cell]:
        """See `Base`."""
        kind = ObjectKind.INPUT if self.epoch else object_.kind
        leaf = leaf_at(object_.type, position)
        if kind is ObjectKind.ZERO:
            zero: Value = NULL if isinstance(leaf.type, PointerType) else bv(0, leaf.width)
            return leaf.offset, Cell(leaf.width, zero)
        name = object_.path(leaf.path) + "'" * self.epoch
        if kind is ObjectKind.UNSET:
            return leaf.offset, Cell(leaf.width, var(f"{name} (unset)", leaf.width))
        key = leaf.offset * 64 + self.epoch
        known = object_._leaves.get(key)
        if known is None:
            value: Value
            if isinstance(leaf.type, PointerType):
                value = input_pointer(object_, name, leaf.type)
            elif isinstance(leaf.type, IntType) and leaf.type.is_bool and leaf.width > 1:
                value = zext(var(name, 1), leaf.width)
            else:
                value = var(name, leaf.width)
            known = object_._leaves[key] = Cell(leaf.width, value)
        return leaf.offset, known


@dataclass(frozen=True)
class Either:
    """One content or another, when two paths meet that differ in what has become unknown."""

    condition: Bool
    then: Base
    other: Base

    def cell(self, object_: Object, position: int) -> tuple[int, Cell]:
        """See `Base`."""
        start, then = self.then.cell(object_, position)
        _, other = self.other.cell(object_, position)
        return start, Cell(then.width, choose(self.condition, then.value, other.value))


def input_pointer(owner: Object, name: str, type_: PointerType) -> Pointer:
    """A pointer that comes from outside: null, or the only pointer to an object of its own."""
    null = bool_var(f"{name} == NULL")
    if isinstance(type_.target, FunctionType):
        return Pointer((Target(null), Target(negate(null), function=FunctionRef(name, known=False))))
    pointee = owner._pointees.get(name)
    if pointee is None:
        pointee = owner._pointees[name] = Object(name, type_.target, ObjectKind.INPUT, by_pointer=True)
    return Pointer((Target(null), Target(negate(null), Place(pointee, 0))))


_UNTOUCHED = Initial()


class Memory:
    """The content of all objects at one point of one path; copied cheaply when paths part."""

    __slots__ = ("_bases", "_cells", "_owned")

    def __init__(self) -> None:
        self._cells: dict[Object, dict[int, Cell]] = {}
        self._bases: dict[Object, Base] = {}
        self._owned: set[Object] = set()

    def copy(self) -> Memory:
        """An independent copy."""
        twin = Memory()
        twin._cells = self._cells.copy()
        twin._bases = self._bases.copy()
        self._owned = set()
        return twin

    def forget(self, object_: Object) -> None:
        """Drop an object that has gone out of scope."""
        self._cells.pop(object_, None)
        self._bases.pop(object_, None)
        self._owned.discard(object_)

    def make_unknown(self, object_: Object) -> None:
        """Replace everything an object holds by unknown values."""
        base = self._bases.get(object_, _UNTOUCHED)
        epoch = base.epoch if isinstance(base, Initial) else 63
        self._cells.pop(object_, None)
        self._owned.discard(object_)
        self._bases[object_] = Initial(epoch + 1)

    def make_range_unknown(self, object_: Object, offset: int, bits: int, tag: str) -> None:
        """Replace every scalar in a range by an unknown value whose name ends in ``tag``."""
        position = offset
        while position < offset + bits:
            leaf = leaf_at(object_.type, position)
            name = f"{object_.path(leaf.path)} after {tag}"
            value: Value
            if isinstance(leaf.type, PointerType):
                value = input_pointer(object_, name, leaf.type)
            elif isinstance(leaf.type, IntType) and leaf.type.is_bool and leaf.width > 1:
                value = zext(var(name, 1), leaf.width)
            else:
                value = var(name, leaf.width)
            self.write(object_, leaf.offset, leaf.width, value)
            position = leaf.offset + leaf.width

    def _pieces(self, object_: Object, start: int, width: int) -> Iterator[tuple[int, Cell]]:
        """The cells that cover a range, in order; the first and last may reach beyond it."""
        cells = self._cells.get(object_, {})
        base = self._bases.get(object_, _UNTOUCHED)
        end, position = start + width, start
        overlapping = (
            sorted(
                (offset, cell)
                for offset, cell in cells.items()
                if offset < end and offset + cell.width > start
            )
            if cells
            else []
        )
        for offset, cell in [*overlapping, (end, Cell(0, NULL))]:
            while position < min(offset, end):
                low, initial = base.cell(object_, position)
                high = min(low + initial.width, offset, end)
                if low == position and low + initial.width == high:
                    yield low, initial
                else:
                    yield position, Cell(high - position, _slice(initial, position - low, high - position))
                position = high
            if cell.width:
                yield offset, cell
                position = offset + cell.width

    def read(self, object_: Object, offset: int, width: int) -> Value:
        """The ``width`` bits at ``offset``.

        Raises:
            Refused: the range is outside the object, or holds part of a pointer.
        """
        cells = self._cells.get(object_)
        if cells is not None:
            cell = cells.get(offset)
            if cell is not None and cell.width == width:
                return cell.value
        if offset < 0 or offset + width > object_.type.bits:
            raise Refused(f"access outside {object_.name} (bits {offset}..{offset + width - 1})")
        parts: list[BitVec] = []
        for start, piece in self._pieces(object_, offset, width):
            if start == offset and piece.width == width:
                return piece.value
            low, high = max(start, offset), min(start + piece.width, offset + width)
            parts.append(_slice(piece, low - start, high - low))
        return concat(*reversed(parts))

    def write(self, object_: Object, offset: int, width: int, value: Value) -> None:
        """Put ``value`` into the ``width`` bits at ``offset``.

        Raises:
            Refused: the range is outside the object.
        """
        if offset < 0 or offset + width > object_.type.bits:
            raise Refused(f"access outside {object_.name} (bits {offset}..{offset + width - 1})")
        cells = self._cells.get(object_)
        if cells is None:
            cells = self._cells[object_] = {}
            self._owned.add(object_)
        elif object_ not in self._owned:
            cells = self._cells[object_] = cells.copy()
            self._owned.add(object_)
        known = cells.get(offset)
        if known is None or known.width != width:
            end = offset + width
            for start, cell in list(cells.items()):
                stop = start + cell.width
                if start < end and stop > offset:
                    del cells[start]
                    if start < offset:
                        cells[start] = Cell(offset - start, _slice(cell, 0, offset - start))
                    if stop > end:
                        cells[end] = Cell(stop - end, _slice(cell, end - start, stop - end))
        cells[offset] = Cell(width, value)

    def transfer(self, source: Place, target: Place, bits: int) -> None:
        """Copy ``bits`` bits from one fixed place to another."""
        pieces = [
            (max(start, source.offset), cell, start)
            for start, cell in self._pieces(source.object, source.offset, bits)
        ]
        for position, cell, start in pieces:
            low, high = position, min(start + cell.width, source.offset + bits)
            whole = low == start and high == start + cell.width
            value = cell.value if whole else _slice(cell, low - start, high - low)
            self.write(target.object, target.offset + low - source.offset, high - low, value)

    def merge(self, condition: Bool, other: Memory) -> None:
        """Keep what this memory holds where ``condition`` holds, and take ``other``'s content elsewhere."""
        for object_ in list(dict.fromkeys([*self._cells, *other._cells, *self._bases, *other._bases])):
            mine, theirs = self._cells.get(object_, {}), other._cells.get(object_, {})
            base, other_base = (m._bases.get(object_, _UNTOUCHED) for m in (self, other))
            if mine is theirs and base == other_base:
                continue
            for start, width in _cuts(mine, theirs):
                left, right = self.read(object_, start, width), other.read(object_, start, width)
                if left is not right:
                    self.write(object_, start, width, choose(condition, left, right))
                elif start not in mine:
                    self.write(object_, start, width, left)
            if base != other_base:
                self._bases[object_] = Either(condition, base, other_base)


def _slice(cell: Cell, low: int, width: int) -> BitVec:
    if isinstance(cell.value, Pointer):
        if cell.value == NULL:
            return bv(0, width)
        raise Refused("part of a pointer is read as a number")
    return extract(cell.value, low + width - 1, low)


def _cuts(left: dict[int, Cell], right: dict[int, Cell]) -> Iterable[tuple[int, int]]:
    """The ranges to merge: overlapping cells of the two sides are taken together."""
    spans = sorted(
        {
            (start, start + cell.width)
            for side in (left, right)
            for start, cell in side.items()
            if (other := (right if side is left else left).get(start)) is None
            or other.width != cell.width
            or other.value is not cell.value
        }
    )
    merged: list[tuple[int, int]] = []
    for start, stop in spans:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return [(start, stop - start) for start, stop in merged]


def same_place(left: Pointer, right: Pointer) -> Bool:
    """Whether two pointers are equal; different objects never share an address.

    Raises:
        Refused: pointers with unknown indices, or to unknown functions.
    """
    result = FALSE
    for a in left.targets:
        for b in right.targets:
            same = FALSE
            if a.place is None and a.function is None:
                same = TRUE if b.place is None and b.function is None else FALSE
            elif a.place is not None and b.place is not None and a.place.object is b.place.object:
                if a.place.dimensions or b.place.dimensions:
                    same = eq(_position(a.place), _position(b.place))
                else:
                    same = TRUE if a.place.offset == b.place.offset else FALSE
            elif a.function is not None and b.function is not None:
                if not (a.function.known and b.function.known) and a.function != b.function:
                    raise Refused("comparison of unknown function pointers")
                same = TRUE if a.function == b.function else FALSE
            result = any_of(result, all_of(a.guard, b.guard, same))
    return result


def _position(place: Place) -> BitVec:
    position = bv(place.offset, 64)
    for dimension in place.dimensions:
        position = position + zext(dimension.index, 64) * dimension.stride
    return position


def truth(value: Value) -> Bool:
    """Whether C takes a value as true."""
    return negate(value.is_null) if isinstance(value, Pointer) else negate(eq(value, 0))


def as_int(condition: Bool) -> BitVec:
    """C's ``int`` for a truth value."""
    return to_bv(condition, 32)
