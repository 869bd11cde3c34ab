"""Memory of the abstract machine: objects laid out as the ABI lays them out, bit by bit."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from mmuproof.lift.c_types import FunctionType, IntType, Leaf, PointerType, leaf_at
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.values import (
    NULL,
    Cell,
    Dimension,
    FunctionRef,
    Object,
    ObjectKind,
    Place,
    Pointer,
    Target,
    Value,
    as_int,
    choose,
    leaves,
    null_condition,
    pointer_to,
    same_place,
    truth,
)
from mmuproof.smt.terms import TRUE, BitVec, Bool, bv, concat, extract, negate, var, zext

__all__ = [
    "NULL",
    "Cell",
    "Dimension",
    "FunctionRef",
    "Memory",
    "Object",
    "ObjectKind",
    "Place",
    "Pointer",
    "Target",
    "Value",
    "as_int",
    "choose",
    "input_pointer",
    "pointer_to",
    "same_place",
    "truth",
]


class Base(Protocol):
    """What an object holds where nothing has been written."""

    def cell(self, object_: Object, position: int) -> tuple[int, Cell]:
        """The cell that covers the bit at ``position``, with its offset."""


@dataclass(frozen=True)
class Initial:
    """The content that an object starts with."""

    def cell(self, object_: Object, position: int) -> tuple[int, Cell]:
        """See `Base`."""
        leaf = leaf_at(object_.type, position)
        if object_.kind is ObjectKind.ZERO:
            return leaf.offset, Cell(leaf.width, _zero(leaf))
        if object_.kind is ObjectKind.UNSET:
            name = object_.unset_name(leaf.path)
            return leaf.offset, Cell(leaf.width, var(name, leaf.width))
        known = object_.content.get(leaf.offset)
        if known is None and object_.kind is ObjectKind.INPUT:
            value = unknown(object_, leaf, object_.path(leaf.path))
            known = object_.content[leaf.offset] = Cell(leaf.width, value)
        if known is not None and position < leaf.offset + known.width:
            return leaf.offset, known
        start = max(each for each in object_.content if each <= position)
        return start, object_.content[start]


@dataclass(frozen=True)
class Unknown:
    """Unknown values, as after a call that may write the object.

    Args:
        tag: tells one such call from another.
        called: what the object is called in the values' names, if not by its own name.
    """

    tag: str
    called: str = ""

    def cell(self, object_: Object, position: int) -> tuple[int, Cell]:
        """See `Base`."""
        leaf = leaf_at(object_.type, position)
        name = f"{object_.path(leaf.path, self.called)} after {self.tag}"
        return leaf.offset, Cell(leaf.width, unknown(object_, leaf, name))


@dataclass(frozen=True, eq=False)
class Either:
    """One content or another, when two paths meet that differ in what has become unknown."""

    condition: Bool
    then: Base
    other: Base
    _known: dict[tuple[Object, int], tuple[int, Cell]] = field(default_factory=dict, repr=False)

    def cell(self, object_: Object, position: int) -> tuple[int, Cell]:
        """See `Base`."""
        # Paths that part and meet again share what they had before.
        key = object_, position
        if key not in self._known:
            self._known[key] = self._cell(object_, position)
        return self._known[key]

    def _cell(self, object_: Object, position: int) -> tuple[int, Cell]:
        start, then = self.then.cell(object_, position)
        other_start, other = self.other.cell(object_, position)
        low, high = max(start, other_start), min(start + then.width, other_start + other.width)
        left, right = (
            cell.value if cell.width == high - low else _slice(cell, low - at, high - low)
            for at, cell in ((start, then), (other_start, other))
        )
        return low, Cell(high - low, choose(self.condition, left, right))


class Doubt(Protocol):
    """What a call may have written besides what it is known to write."""

    def may_write(self, object_: Object) -> bool:
        """Whether it may have written any of an object; if not, `value` gives what it is given."""

    def value(self, object_: Object, start: int, width: int, value: Value) -> Value:
        """What is at a place where there was ``value`` before the call."""


@dataclass(frozen=True, eq=False)
class Doubtful:
    """One content, of which a call may have written some."""

    before: Base
    doubt: Doubt
    _known: dict[Object, tuple[Base, tuple[Doubt, ...]]] = field(default_factory=dict, repr=False)

    def cell(self, object_: Object, position: int) -> tuple[int, Cell]:
        """See `Base`."""
        base, doubts = self._of(object_)
        start, cell = base.cell(object_, position)
        for doubt in doubts:
            cell = Cell(cell.width, doubt.value(object_, start, cell.width, cell.value))
        return start, cell

    def _of(self, object_: Object) -> tuple[Base, tuple[Doubt, ...]]:
        """What an object was before all calls so far, and those that may write it, the first one first.

        Most of them do not write such an object, and many places of one object are read.
        """
        doubts: list[Doubt] = []
        base: Base = self
        while isinstance(base, Doubtful) and object_ not in base._known:
            if base.doubt.may_write(object_):
                doubts.append(base.doubt)
            base = base.before
        first, earlier = base._known[object_] if isinstance(base, Doubtful) else (base, ())
        self._known[object_] = first, (*earlier, *reversed(doubts))
        return self._known[object_]


def _zero(leaf: Leaf) -> Value:
    return NULL if isinstance(leaf.type, PointerType) else bv(0, leaf.width)


def unknown(owner: Object, leaf: Leaf, name: str) -> Value:
    """A free value for a scalar; a ``_Bool`` in memory is 0 or 1."""
    if isinstance(leaf.type, PointerType):
        return input_pointer(owner, name, leaf.type, leaf.path)
    if isinstance(leaf.type, IntType) and leaf.type.is_bool and leaf.width > 1:
        return zext(var(name, 1), leaf.width)
    if leaf.union is not None:
        owner.words[name] = leaf.union
    return var(name, leaf.width)


def input_pointer(owner: Object, name: str, type_: PointerType, member: str = "") -> Pointer:
    """A pointer that comes from outside: null, or the only pointer to an object of its own.

    Raises:
        Refused: so many pointers have been followed that it must be a list, whose end no loop can reach.
    """
    null = null_condition(name)
    if isinstance(type_.target, FunctionType):
        function = FunctionRef(name, known=False, member=member)
        return Pointer((Target(guard=null), Target(guard=negate(null), function=function)))
    pointee = owner.pointees.get(name)
    if pointee is None:
        if owner.links >= _LINKS:
            raise Refused("a list whose end is not known")
        pointee = owner.pointees[name] = Object(
            name=name,
            type=type_.target,
            kind=ObjectKind.INPUT,
            by_pointer=True,
            links=owner.links + 1,
            words=owner.words,
        )
    return Pointer((Target(guard=null), Target(guard=negate(null), place=Place(pointee, 0))))


def _refuse_shared(object_: Object) -> None:
    if object_.shared:
        raise Refused(f"{object_.name}, which others write, is written by what is not followed")


_LINKS = 64
"""Page tables have five levels and structs refer to each other less deeply still."""
_UNTOUCHED = Initial()


class Memory:
    """The content of all objects at one point of one path; copied cheaply when paths part."""

    __slots__ = ("_bases", "_cells", "_outside", "_owned")

    def __init__(self) -> None:
        self._cells: dict[Object, dict[int, Cell]] = {}
        self._bases: dict[Object, Base] = {}
        self._outside: Base = _UNTOUCHED
        self._owned: set[Object] = set()

    def base(self, object_: Object) -> Base:
        """What an object holds where nothing has been written since."""
        known = self._bases.get(object_)
        if known is not None:
            return known
        return self._outside if object_.is_outside else _UNTOUCHED

    def copy(self) -> Memory:
        """An independent copy."""
        twin = Memory()
        twin._cells = self._cells.copy()
        twin._bases = self._bases.copy()
        twin._outside = self._outside
        self._owned = set()
        return twin

    def become(self, other: Memory) -> None:
        """Take over what ``other`` holds."""
        self._cells, self._bases, self._owned = other._cells, other._bases, set()
        self._outside = other._outside
        other._owned = set()

    def forget(self, object_: Object) -> None:
        """Drop an object that has gone out of scope."""
        self._cells.pop(object_, None)
        self._bases.pop(object_, None)
        self._owned.discard(object_)

    def freeze(self, *more: Object) -> None:
        """Make what is held now the content of its objects (and of ``more``) for all time."""
        contents = {
            object_: dict(self._pieces(object_, 0, object_.type.bits))
            for object_ in dict.fromkeys([*more, *self._cells])
        }
        for object_, content in contents.items():
            object_.kind, object_.content = ObjectKind.CONSTANT, content
            self.forget(object_)

    def make_unknown(self, object_: Object, tag: str, called: str = "") -> None:
        """Replace everything an object holds by unknown values; see `Unknown`."""
        _refuse_shared(object_)
        self.forget(object_)
        self._bases[object_] = Unknown(tag, called)

    def make_outside_unknown(self, tag: str) -> None:
        """The same for everything that other code can reach: all input objects, read before or not."""
        for object_ in [*self._cells, *self._bases]:
            if object_.is_outside:
                self.forget(object_)
        self._outside = Unknown(tag)

    def doubt(self, doubt: Doubt, own: Collection[Object]) -> None:
        """Hand all that other code can reach, and some of the machine's own objects, to ``doubt``."""
        for object_, cells in list(self._cells.items()):
            if (object_.is_outside or object_ in own) and doubt.may_write(object_):
                for start, cell in list(cells.items()):
                    value = doubt.value(object_, start, cell.width, cell.value)
                    if value is not cell.value:
                        _refuse_shared(object_)
                        self.write(object_, start, cell.width, value)
        for object_ in [*self._bases, *(each for each in own if each not in self._bases)]:
            if object_.is_outside or object_ in own:
                self._bases[object_] = Doubtful(self.base(object_), doubt)
        self._outside = Doubtful(self._outside, doubt)

    @property
    def changed(self) -> tuple[Object, ...]:
        """The objects that hold something else than at first, or may."""
        return tuple(dict.fromkeys([*self._cells, *self._bases]))

    def differences(self, earlier: Memory) -> tuple[bool, list[tuple[Object, int, int]]]:
        """What is not as in an earlier memory: all that other code can reach, and ranges as (object, offset, width).

        Objects that have gone out of scope are left out.
        """
        found: list[tuple[Object, int, int]] = []
        outside = self._outside != earlier._outside
        for object_ in dict.fromkeys([*self._cells, *earlier._cells, *self._bases, *earlier._bases]):
            if object_.ended or (outside and object_.is_outside):
                continue
            if self.base(object_) != earlier.base(object_):
                # A call may have written some of it, or none.
                found += [(object_, *each) for each in self._other_leaves(earlier, object_)]
                continue
            mine, theirs = self._cells.get(object_, {}), earlier._cells.get(object_, {})
            for start, width in _differences(mine, theirs):
                if not _is_same(self.read(object_, start, width), earlier.read(object_, start, width)):
                    found.append((object_, start, width))
        return outside, found

    def _other_leaves(self, earlier: Memory, object_: Object) -> Iterator[tuple[int, int]]:
        """The scalars of an object that are not as in an earlier memory; all of it where that cannot be told."""
        try:
            for leaf in leaves(object_, 0, object_.type.bits):
                place = object_, leaf.offset, leaf.width
                if not _is_same(self.read(*place), earlier.read(*place)):
                    yield leaf.offset, leaf.width
        except Refused:
            yield 0, object_.type.bits

    def written(self, object_: Object) -> tuple[tuple[int, int], ...]:
        """The ranges of an object that have been written one by one, as (offset, width), in their order."""
        return tuple(sorted((start, cell.width) for start, cell in self._cells.get(object_, {}).items()))

    def make_range_unknown(self, object_: Object, offset: int, bits: int, tag: str) -> None:
        """Replace the bits of a range by unknown values whose names end in ``tag``."""
        _refuse_shared(object_)
        position = offset
        unknown_base = Unknown(tag)
        while position < offset + bits:
            start, cell = unknown_base.cell(object_, position)
            high = min(start + cell.width, offset + bits)
            whole = start == position and high == start + cell.width
            value = cell.value if whole else _slice(cell, position - start, high - position)
            self.write(object_, position, high - position, value)
            position = high

    def _pieces(self, object_: Object, start: int, width: int) -> Iterator[tuple[int, Cell]]:
        """The cells that cover a range, in order; the first and last may reach beyond it."""
        cells = self._cells.get(object_, {})
        base = self.base(object_)
        end, position = start + width, start
        overlapping = sorted(
            ((at, cell) for at, cell in cells.items() if at < end and at + cell.width > start), key=lambda each: each[0]
        )
        for at, cell in [*overlapping, (end, None)]:
            while position < min(at, end):
                low, initial = base.cell(object_, position)
                high = min(low + initial.width, at, end)
                if low == position and low + initial.width == high:
                    yield low, initial
                else:
                    yield position, Cell(high - position, _slice(initial, position - low, high - position))
                position = high
            if cell is not None:
                yield at, cell
                position = at + cell.width

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
        _check_range(object_, offset, width)
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
            Refused: the range is outside the object, the object is constant, or part of a pointer is
                overwritten.
        """
        _check_range(object_, offset, width)
        if object_.kind is ObjectKind.CONSTANT:
            raise Refused(f"{object_.name} is constant and is written")
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

    def take(self, source: Place, bits: int) -> list[tuple[int, Cell]]:
        """What ``bits`` bits at a fixed place hold, piece by piece, each with its distance from the start."""
        taken: list[tuple[int, Cell]] = []
        end = source.offset + bits
        if bits:
            _check_range(source.object, source.offset, bits)
        for start, cell in self._pieces(source.object, source.offset, bits):
            low, high = max(start, source.offset), min(start + cell.width, end)
            whole = low == start and high == start + cell.width
            value = cell.value if whole else _slice(cell, low - start, high - low)
            taken.append((low - source.offset, Cell(high - low, value)))
        return taken

    def put(self, target: Place, pieces: list[tuple[int, Cell]]) -> None:
        """Write what `take` has given to a fixed place."""
        for distance, cell in pieces:
            self.write(target.object, target.offset + distance, cell.width, cell.value)

    def transfer(self, source: Place, target: Place, bits: int) -> None:
        """Copy ``bits`` bits from one fixed place to another; the two may overlap."""
        self.put(target, self.take(source, bits))

    def merge(self, condition: Bool, other: Memory) -> None:
        """Keep what this memory holds where ``condition`` holds, and take ``other``'s content elsewhere."""
        if condition is TRUE:
            return
        for object_ in dict.fromkeys([*self._cells, *other._cells, *self._bases, *other._bases]):
            mine, theirs = self._cells.get(object_), other._cells.get(object_)
            base, other_base = self.base(object_), other.base(object_)
            if mine is theirs and base is other_base:
                continue
            if object_.ended:
                self.forget(object_)
                continue
            for start, width in _differences(mine or {}, theirs or {}):
                left, right = self.read(object_, start, width), other.read(object_, start, width)
                if left is not right:
                    self.write(object_, start, width, choose(condition, left, right))
                elif mine is None or start not in mine:
                    self.write(object_, start, width, left)
            if base != other_base:
                self._bases[object_] = Either(condition, base, other_base)
        if self._outside != other._outside:
            self._outside = Either(condition, self._outside, other._outside)


def _is_same(left: Value, right: Value) -> bool:
    return left is right or (isinstance(left, Pointer) and left == right)


def _check_range(object_: Object, offset: int, width: int) -> None:
    if offset < 0 or offset + width > object_.type.bits:
        raise Refused(f"access outside {object_.name} (bits {offset}..{offset + width - 1})")


def _slice(cell: Cell, low: int, width: int) -> BitVec:
    if isinstance(cell.value, Pointer):
        if cell.value == NULL:
            return bv(0, width)
        raise Refused("part of a pointer is used as a number")
    return extract(cell.value, low + width - 1, low)


def _differences(left: dict[int, Cell], right: dict[int, Cell]) -> list[tuple[int, int]]:
    """The ranges in which two contents differ; overlapping cells of the two sides are taken together."""
    spans = [
        (start, start + cell.width)
        for side, opposite in ((left, right), (right, left))
        for start, cell in side.items()
        if (other := opposite.get(start)) is None
        or (other is not cell and (other.width != cell.width or other.value is not cell.value))
    ]
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(set(spans)):
        if merged and start < merged[-1][0] + merged[-1][1]:
            first = merged[-1][0]
            merged[-1] = (first, max(stop - first, merged[-1][1]))
        else:
            merged.append((start, stop - start))
    return merged
