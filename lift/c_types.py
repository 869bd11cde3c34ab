"""C types as the x86-64 ABI lays them out: what the rest of the front end knows of a type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class IntType:
    """An integer, enumeration or ``_Bool`` of ``bits`` bits in memory."""

    bits: int
    signed: bool
    name: str
    is_bool: bool = False

    @property
    def value_bits(self) -> int:
        """The bits that tell a value: 1 of a truth value, whatever it takes in memory."""
        return 1 if self.is_bool else self.bits


@dataclass(frozen=True)
class VoidType:
    """``void``."""

    name: str = "void"
    bits: int = 8


@dataclass(frozen=True)
class FunctionType:
    """A function; only ever the target of a pointer."""

    name: str
    bits: int = 8


@dataclass(frozen=True, eq=False)
class PointerType:
    """A pointer; its target is read when it is asked for, since types refer to each other."""

    load_target: Callable[[], CType] = field(repr=False)
    name: str
    bits: int = 64

    @cached_property
    def target(self) -> CType:
        """The type pointed to."""
        return self.load_target()


@dataclass(frozen=True)
class ArrayType:
    """``count`` elements side by side; ``count`` is 0 for a flexible array."""

    element: CType
    count: int
    name: str

    @property
    def bits(self) -> int:
        """The size in bits."""
        return self.element.bits * self.count


@dataclass(frozen=True)
class StructMember:
    """A member of a record: its place in bits from the record's start.

    ``name`` is empty for an anonymous struct or union, whose members belong to the outer record by name.
    ``bit_width`` is set for a bit-field only.
    """

    name: str
    offset: int
    type: CType
    bit_width: int | None = None

    @property
    def width(self) -> int:
        """How many bits the member takes."""
        return self.type.bits if self.bit_width is None else self.bit_width


@dataclass(frozen=True, eq=False)
class RecordType:
    """A struct or union; its fields are read when they are asked for."""

    name: str
    bits: int
    is_union: bool
    load_fields: Callable[[], tuple[StructMember, ...]] = field(repr=False)

    @cached_property
    def fields(self) -> tuple[StructMember, ...]:
        """The members in the order of their declaration."""
        return self.load_fields()

    @cached_property
    def leaves(self) -> dict[int, Leaf]:
        """The scalars that have been looked up, by a bit that they hold; see `leaf_at`."""
        return {}

    @cached_property
    def members(self) -> dict[str, StructMember]:
        """Every member that C can name on this record, those of anonymous members included."""
        found: dict[str, StructMember] = {}
        for member in self.fields:
            if member.name:
                found[member.name] = member
            elif isinstance(member.type, RecordType):
                for inner in member.type.members.values():
                    found[inner.name] = StructMember(
                        inner.name, member.offset + inner.offset, inner.type, inner.bit_width
                    )
        return found


CType = IntType | VoidType | FunctionType | PointerType | ArrayType | RecordType

BOOL = IntType(8, False, "_Bool", is_bool=True)
INT = IntType(32, True, "int")
UNSIGNED_INT = IntType(32, False, "unsigned int")
LONG = IntType(64, True, "long")
UNSIGNED_LONG = IntType(64, False, "unsigned long")


def promote(type_: IntType, bit_width: int | None = None) -> IntType:
    """C's integer promotion; ``bit_width`` is that of a bit-field operand (C11 6.3.1.1)."""
    bits = type_.bits if bit_width is None else bit_width
    if type_.is_bool or bits < 32:
        return INT
    if bits == 32 and type_.bits <= 32:
        return INT if type_.signed else UNSIGNED_INT
    return type_


def usual_arithmetic(left: IntType, right: IntType) -> IntType:
    """The common type of two promoted operands (C11 6.3.1.8); ranks follow width on x86-64."""
    if left.bits != right.bits:
        return left if left.bits > right.bits else right
    if left.signed == right.signed:
        return left
    return right if left.signed else left


def member_at(record: RecordType, path: str) -> StructMember:
    """The member that a dotted path leads to, as a field of ``record`` itself.

    Array elements are written ``name[3]``.

    Raises:
        KeyError: no such member; the argument is the part that was not found.
    """
    offset = 0
    current: CType = record
    found: StructMember | None = None
    for part in path.replace("[", ".[").split("."):
        if part.startswith("["):
            if not isinstance(current, ArrayType):
                raise KeyError(part)
            index = int(part[1:-1])
            if not 0 <= index < current.count:
                raise KeyError(part)
            found = StructMember(part, offset + index * current.element.bits, current.element)
        else:
            if not isinstance(current, RecordType) or part not in current.members:
                raise KeyError(part)
            member = current.members[part]
            found = StructMember(part, offset + member.offset, member.type, member.bit_width)
        offset, current = found.offset, found.type
    if found is None:
        raise KeyError(path)
    return found


def members_named(type_: CType, name: str, offset: int = 0) -> Iterator[StructMember]:
    """Every member of this name inside a record, at any depth, with its place from the record's start."""
    if isinstance(type_, RecordType):
        for member in type_.fields:
            place = StructMember(member.name, offset + member.offset, member.type, member.bit_width)
            if member.name == name:
                yield place
            elif not isinstance(member.type, IntType | PointerType | VoidType | ArrayType):
                yield from members_named(member.type, name, place.offset)


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A scalar inside a type: its dotted path, its place in bits, and its type.

    A union of up to 64 bits is one leaf, so that every reading of it agrees; a larger one is cut into
    64-bit words. Padding is a leaf without a type.
    """

    path: str
    offset: int
    width: int
    type: CType | None
    union: RecordType | None = None
    """The union, if the leaf is all of one."""


def leaf_at(type_: CType, position: int) -> Leaf:
    """The scalar of ``type_`` that holds the bit at ``position``; no two have the same path.

    Raises:
        IndexError: the type has no such bit.
    """
    if not isinstance(type_, RecordType):
        return _leaf_at(type_, position)
    found = type_.leaves.get(position)
    if found is None:
        found = type_.leaves[position] = _leaf_at(type_, position)
    return found


def _leaf_at(type_: CType, position: int) -> Leaf:
    path, start, current = "", 0, type_
    if not 0 <= position < type_.bits:
        raise IndexError(position)
    while True:
        inside = position - start
        if isinstance(current, ArrayType):
            index = inside // current.element.bits
            path, start, current = f"{path}[{index}]", start + index * current.element.bits, current.element
        elif isinstance(current, RecordType) and current.is_union:
            word = inside // 64
            width = min(64, current.bits - word * 64)
            if current.bits > 64:
                path = _join(path, f"word{word}")
            whole = current if current.bits == width else None
            return Leaf(
                path=path, offset=start + word * 64, width=width, type=IntType(width, False, f"u{width}"), union=whole
            )
        elif isinstance(current, RecordType):
            member = next((m for m in current.fields if m.offset <= inside < m.offset + m.width), None)
            if member is None or (not member.name and member.bit_width is not None):
                return _padding(path, start, current, inside)
            name = member.name
            if not name and isinstance(member.type, RecordType) and member.type.is_union:
                # An anonymous union is called by its first member.
                name = next(iter(member.type.members), f"union{start + member.offset}")
            path = _join(path, name)
            if member.bit_width is not None:
                return Leaf(path=path, offset=start + member.offset, width=member.bit_width, type=member.type)
            start, current = start + member.offset, member.type
        else:
            return Leaf(path=path, offset=start, width=current.bits, type=current)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _padding(path: str, start: int, record: RecordType, inside: int) -> Leaf:
    """The bits around ``inside`` that no member has."""
    used = [m for m in record.fields if m.name or m.bit_width is None]
    low = max((m.offset + m.width for m in used if m.offset + m.width <= inside), default=0)
    high = min((m.offset for m in used if m.offset > inside), default=record.bits)
    return Leaf(path=_join(path, f"padding{start + low}"), offset=start + low, width=high - low, type=None)
