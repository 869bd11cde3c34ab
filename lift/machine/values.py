"""What the abstract machine computes with: objects, places in them, pointers, and choices among these."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from mmuproof.lift.c_types import CType, Leaf, RecordType, leaf_at
from mmuproof.lift.errors import Refused
from mmuproof.smt import operations as ops
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, Term, all_of, any_of, bool_var, bv, eq, ite, negate, to_bv

_serials = count(1)
_UNSET = " (unset "
SERIAL = re.compile(r"(?<=\(unset) \d+(?=\))|(?<!\))#\d+\b")
"""What tells apart the machine's own objects of one name: in the name of an unset value, and of an address."""
_NULL = " == NULL"
_MAX_ERRNO = 4095


class ObjectKind(enum.Enum):
    """What an object holds before anything is written to it."""

    INPUT = "input"
    """A free value for every scalar; a pointer leads to an input object of its own."""
    UNSET = "unset"
    """Nothing: a read is undefined behaviour."""
    ZERO = "zero"
    """Zeros."""
    CONSTANT = "constant"
    """What its initializer says, for all time."""


@dataclass(eq=False, kw_only=True)
class Object:
    """A piece of memory.

    Two input objects of one name hold the same unknown values; objects of the other kinds are told apart
    by ``serial``.

    Args:
        name: what a report calls it.
        type: its C type.
        kind: what it holds at first.
        by_pointer: whether members are written ``name->member``.
        links: how many pointers have been followed to it, one behind the other.
    """

    name: str
    type: CType
    kind: ObjectKind
    by_pointer: bool = False
    links: int = field(default=0, repr=False)
    settled: bool = field(default=False, repr=False)
    """Whether no call can change it: set up once, before any code that is looked at."""
    is_variable: bool = field(default=False, repr=False)
    """Whether it is a variable with static storage, which is known by its name."""
    shared: bool = field(default=False, repr=False)
    """Whether others write it between any two accesses; see `mmuproof.lift.machine.others`."""
    aligned: int = field(default=0, repr=False)
    """How many low bits of its address are surely 0, where that is an address of the kernel's own half; else 0."""
    ended: bool = field(default=False, repr=False)
    """Whether the block that declares it has been left; true on every path, since blocks nest."""
    serial: int = field(default_factory=lambda: next(_serials), repr=False)
    content: dict[int, Cell] = field(default_factory=dict, repr=False)
    """What a constant holds; what has been read of an input so far."""
    pointees: dict[str, Object] = field(default_factory=dict, repr=False)
    """The objects that an input's pointers lead to, by the pointers' names."""
    words: dict[str, RecordType] = field(default_factory=dict, repr=False)
    """The unions among what has been read of an input and of all that it leads to, by their variables' names."""

    @property
    def is_outside(self) -> bool:
        """Whether code that is not followed may write it: it is not the machine's own, and not settled."""
        return self.kind is ObjectKind.INPUT and not self.settled

    def path(self, inner: str, called: str = "") -> str:
        """The name of a part of the object, or of what is ``called`` otherwise."""
        name = called or self.name
        if not inner:
            return f"*{name}" if self.by_pointer else name
        if inner.startswith("["):
            return name + inner
        return f"{name}{'->' if self.by_pointer else '.'}{inner}"

    def unset_name(self, inner: str) -> str:
        """The name of the value that a part has before it is set."""
        return f"{self.path(inner)}{_UNSET}{self.serial})"

    @property
    def address_name(self) -> str:
        """The name of the object's address as a number."""
        return f"&{self.name}" if self.kind is ObjectKind.INPUT else f"&{self.name}#{self.serial}"


def unset_name(term: Term) -> str | None:
    """What a variable is the unset value of, or None for every other term."""
    if term.op is not ops.VAR or _UNSET not in term.name:
        return None
    return term.name.partition(_UNSET)[0]


@dataclass(frozen=True)
class FunctionRef:
    """A function that a pointer leads to.

    For an unknown pointer ``name`` is the pointer's own path, and ``member`` that path without its owner.
    """

    name: str
    known: bool
    member: str = ""


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """An index that is not known when the program is read: it adds ``index * stride`` bits.

    ``index`` has 64 bits and is meant to be one of ``count`` values from ``low`` on; ``checked`` says
    that this has been made a check.
    """

    index: BitVec
    stride: int
    count: int
    low: int = 0
    checked: bool = True


@dataclass(frozen=True)
class Place:
    """Where a scalar or aggregate is: an object and an offset in bits, fixed but for some indices."""

    object: Object
    offset: int
    dimensions: tuple[Dimension, ...] = ()

    def moved(self, bits: int) -> Place:
        """The place so many bits further on."""
        return Place(self.object, self.offset + bits, self.dimensions)

    @property
    def position(self) -> BitVec:
        """The distance in bits from the start of the object."""
        position = bv(self.offset, 64)
        for dimension in self.dimensions:
            position = position + dimension.index * dimension.stride
        return position


@dataclass(frozen=True, kw_only=True)
class Target:
    """One thing that a pointer may be: a place, a function, a number, not set at all, or (none of them) null.

    What a number (``address``, 64 bits) leads to is not known: it may be kept and compared with null, but not
    followed.
    """

    guard: Bool
    place: Place | None = None
    function: FunctionRef | None = None
    unset: str | None = None
    address: BitVec | None = None

    @property
    def is_null(self) -> bool:
        """Whether this is the null pointer."""
        return self.place is None and self.function is None and self.unset is None and self.address is None


@dataclass(frozen=True)
class Pointer:
    """A pointer: what it points to under which condition; the conditions exclude each other."""

    targets: tuple[Target, ...]

    @property
    def is_null(self) -> Bool:
        """Whether the pointer is null."""
        by_number = (all_of(t.guard, eq(t.address, 0)) for t in self.targets if t.address is not None)
        return any_of(*(t.guard for t in self.targets if t.is_null), *by_number)


NULL = Pointer((Target(guard=TRUE),))

Value = BitVec | Pointer


@dataclass(frozen=True)
class Cell:
    """A value that fills ``width`` bits of an object."""

    width: int
    value: Value


def pointer_to(object_: Object, offset: int = 0) -> Pointer:
    """A pointer to a place in an object."""
    return Pointer((Target(guard=TRUE, place=Place(object_, offset)),))


def leaves(object_: Object, offset: int, width: int) -> Iterator[Leaf]:
    """The scalars of an object that overlap a range, padding left out."""
    position = offset
    while position < offset + width:
        leaf = leaf_at(object_.type, position)
        if leaf.type is not None:
            yield leaf
        position = leaf.offset + leaf.width


def null_condition(name: str) -> Bool:
    """The condition under which the input pointer of this name is null."""
    return bool_var(f"{name}{_NULL}")


def is_null_condition(term: Term) -> bool:
    """Whether a variable says that some input pointer is null."""
    return term.name.endswith(_NULL)


def choose(condition: Bool, then: Value, other: Value) -> Value:
    """``then`` where ``condition`` holds, else ``other``.

    Raises:
        Refused: one is an integer and the other a pointer.
    """
    if then is other:
        return then
    if isinstance(then, BitVec) and isinstance(other, BitVec):
        return ite(condition, then, other)
    left, right = as_pointer(then), as_pointer(other)
    if left is None or right is None:
        raise Refused("a value that is a pointer on one path and a number on another")
    targets: dict[tuple[Place | None, FunctionRef | None, str | None, BitVec | None], Bool] = {}
    for guard, pointer in ((condition, left), (negate(condition), right)):
        for target in pointer.targets:
            key = (target.place, target.function, target.unset, target.address)
            targets[key] = any_of(targets.get(key, FALSE), all_of(guard, target.guard))
    return Pointer(
        tuple(
            Target(guard=guard, place=place, function=function, unset=unset, address=address)
            for (place, function, unset, address), guard in targets.items()
            if guard is not FALSE
        )
    )


def as_pointer(value: Value) -> Pointer | None:
    """A value read as a pointer: zero is null; None for any other number."""
    if isinstance(value, Pointer):
        return value
    if value.is_const and value.value == 0:
        return NULL
    name = unset_name(value)
    return None if name is None else Pointer((Target(guard=TRUE, unset=name),))


def same_place(left: Pointer, right: Pointer) -> Bool:
    """Whether two pointers are equal; different objects never share an address.

    Raises:
        Refused: pointers to unknown functions, or a number that may be the address of anything.
    """
    result = FALSE
    for a in left.targets:
        for b in right.targets:
            same = FALSE
            if a.address is not None or b.address is not None:
                same = _same_address(a, b)
            elif a.is_null:
                same = TRUE if b.is_null else FALSE
            elif a.place is not None and b.place is not None and a.place.object is b.place.object:
                same = eq(a.place.position, b.place.position)
            elif a.function is not None and b.function is not None:
                if not (a.function.known and b.function.known) and a.function != b.function:
                    raise Refused("comparison of unknown function pointers")
                same = TRUE if a.function == b.function else FALSE
            result = any_of(result, all_of(a.guard, b.guard, same))
    return result


def error_pointer(number: int) -> Pointer:
    """A negative number as a pointer, as ``ERR_PTR()`` makes it."""
    return Pointer((Target(guard=TRUE, address=bv(number, 64)),))


def _is_error(address: BitVec | None) -> bool:
    """Whether a number is one of the last page's, where no object is (``IS_ERR_VALUE()``)."""
    return address is not None and address.is_const and address.value >= (1 << 64) - _MAX_ERRNO


def _same_address(a: Target, b: Target) -> Bool:
    if (a.place is not None and _is_error(b.address)) or (b.place is not None and _is_error(a.address)):
        return FALSE
    left, right = (bv(0, 64) if each.is_null else each.address for each in (a, b))
    if left is None or right is None:
        raise Refused("comparison of a pointer with a number that was made one")
    return eq(left, right)


def truth(value: Value) -> Bool:
    """Whether C takes a value as true."""
    return negate(value.is_null) if isinstance(value, Pointer) else negate(eq(value, 0))


def as_int(condition: Bool) -> BitVec:
    """C's ``int`` for a truth value."""
    return to_bv(condition, 32)
