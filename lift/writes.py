"""What functions may write, told by the types and names through which they do, without running them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from mmuproof.lift.c_types import ArrayType, CType, RecordType
from mmuproof.lift.syntax import Location

ALL = 1 << 48
"""More bits than anything has: from somewhere to the end, wherever that is."""
_ARGUMENT, _VARIABLE = "argument ", "variable "
SOMEWHERE = ""
"""The owner of a number that a pointer leads to of which nothing else is known."""


@dataclass(frozen=True)
class Span:
    """``bits`` bits from bit ``low`` on of what is called ``owner``: a record's type, a variable or an argument.

    ``size`` is how many bits that has, where it matters whether it is all of it.
    """

    owner: str
    low: int
    bits: int
    size: int = 0

    def inside(self, low: int, bits: int) -> Span:
        """A part of it."""
        return Span(self.owner, self.low + low, bits, self.size)

    @property
    def is_all(self) -> bool:
        """Whether it is all of its owner."""
        return self.low == 0 and self.bits == self.size

    def shared(self, other: Span) -> tuple[int, int] | None:
        """The bits of another span that this one may mean as well, counted from where that begins."""
        if self.owner != other.owner:
            return None
        low, high = max(self.low - other.low, 0), min(self.low + self.bits - other.low, other.bits)
        return (low, high) if low < high else None


Spot = tuple[Span, ...]
"""A piece of memory as part of what it is known to stand in, the outermost first; `Span.owner` of each is another."""


def argument(number: int) -> str:
    """The owner of what an argument points to, counted from 0."""
    return f"{_ARGUMENT}{number}"


def argument_of(spot: Spot) -> int | None:
    """Which argument leads to a spot, if one does."""
    owner = spot[0].owner
    return int(owner.removeprefix(_ARGUMENT)) if owner.startswith(_ARGUMENT) else None


def variable(name: str) -> str:
    """The owner of an object with static storage."""
    return f"{_VARIABLE}{name}"


def of_type(type_: CType) -> Spot:
    """Some object of a type, wherever it is."""
    inner = _element(type_)
    return (_all_of(inner),) if isinstance(inner, RecordType) else (Span(SOMEWHERE, 0, ALL),)


def part(spot: Spot, low: int, bits: int, type_: CType) -> Spot:
    """A member of a spot, by its place in bits and its type."""
    size = spot[-1].bits
    if size >= ALL:
        return spot
    # Where it is not known which element of an array is meant, all of them are kept.
    spans = tuple(each.inside(low, bits) if each.bits == size else each for each in spot)
    return (*spans, _all_of(type_)) if isinstance(type_, RecordType) else spans


def element(spot: Spot, type_: CType) -> Spot:
    """Any element of an array, by its type."""
    return (*spot, _all_of(type_)) if isinstance(type_, RecordType) else spot


def spread(spot: Spot) -> Spot:
    """What a pointer to a spot may lead to once it has been moved; it stays in the array, or behind the argument."""
    is_all = all(each.is_all for each in spot[:2])
    return (Span(spot[0].owner, 0, ALL), *spot[1:]) if argument_of(spot) is not None and is_all else spot


def is_untyped_argument(spot: Spot) -> bool:
    """Whether it is what a ``void *`` among the arguments points to."""
    return len(spot) == 1 and spot[0].owner.startswith(_ARGUMENT) and spot[0] == Span(spot[0].owner, 0, 8, 8)


def whole(spot: Spot) -> Spot:
    """All of the outermost thing that a spot is known to stand in."""
    return (Span(spot[0].owner, 0, ALL),)


def views(type_: CType, low: int, bits: int) -> Iterator[Span]:
    """A range of an object of some type as part of each record inside it that holds all of the range."""
    while isinstance(type_, ArrayType) and type_.element.bits:
        low, type_ = low % type_.element.bits, type_.element
    if isinstance(type_, RecordType):
        yield Span(type_.name, low, bits)
        for member in type_.fields:
            if member.bit_width is None and member.offset <= low and low + bits <= member.offset + member.width:
                yield from views(member.type, low - member.offset, bits)


def meeting(written: Spot, seen: tuple[Span, ...], width: int) -> tuple[int, int] | None:
    """Which of some bits may be among those that are written, from where to where.

    Two things in the same memory have to be of one type, or the one inside the other.

    Args:
        written: where something is written.
        seen: the bits of an object as parts of what they are in, the outermost first.
        width: how many they are.
    """
    if not seen:
        return (0, width) if written[0].owner == SOMEWHERE else None
    roots = seen[:2] if seen[0].owner.startswith(_VARIABLE) else seen[:1]
    pairs = [*((written[0], each) for each in seen), *((each, root) for root in roots for each in written)]
    return next((shared for mine, theirs in pairs if (shared := mine.shared(theirs)) is not None), None)


def may_meet(written: Spot, type_: CType) -> bool:
    """Whether `meeting` may find anything for an object that is no variable, whichever of its bits are looked at."""
    return isinstance(_element(type_), RecordType) or written[0].owner == SOMEWHERE


def _all_of(record: RecordType) -> Span:
    return Span(record.name, 0, record.bits or ALL, record.bits or ALL)


def _element(type_: CType) -> CType:
    while isinstance(type_, ArrayType):
        type_ = type_.element
    return type_


@dataclass(frozen=True)
class Write:
    """A place in the code that writes a spot."""

    spot: Spot
    at: Location


@dataclass(frozen=True)
class NotRead:
    """Something of which it is not known what it writes."""

    what: str
    at: Location


@dataclass(frozen=True, kw_only=True)
class CallOf:
    """A call of a function by its name, with what its arguments may point to."""

    function: str
    arguments: tuple[frozenset[Spot], ...]
    at: Location


@dataclass(frozen=True, eq=False, kw_only=True)
class FunctionWrites:
    """What a function's own body writes, and what it calls.

    Args:
        writes: what it writes itself; its own local variables are left out.
        calls: what it calls by name.
        not_read: of what it is not known.
        states: whether it states something of itself, as a WARN does.
        instructs: whether it has assembly that may write what is none of its operands, or gives nothing back.
    """

    writes: tuple[Write, ...] = ()
    calls: tuple[CallOf, ...] = ()
    not_read: tuple[NotRead, ...] = ()
    states: bool = False
    instructs: bool = False

    @property
    def does_more(self) -> bool:
        """Whether it does anything that its writes and calls do not tell."""
        return self.states or self.instructs

    @cached_property
    def digest(self) -> str:
        """The same for two bodies that are told apart by nothing but where in them something is written or called."""
        calls = ((each.function, [sorted(map(repr, spots)) for spots in each.arguments]) for each in self.calls)
        said = (
            [repr(each.spot) for each in self.writes],
            list(calls),
            [each.what for each in self.not_read],
            self.does_more,
        )
        return hashlib.sha256(repr(said).encode()).hexdigest()[:32]


def resolved(spot: Spot, arguments: Mapping[int, frozenset[Spot]]) -> Iterator[Spot]:
    """A spot of a function as its caller sees it, who knows what the arguments may point to."""
    number = argument_of(spot)
    if number is None or number not in arguments:
        yield spot
        return
    outer, *inner = spot
    for target in arguments[number]:
        if target[0].owner == SOMEWHERE:
            yield tuple(inner) or target
        elif outer.bits >= ALL:
            yield (*spread(target), *(each for each in inner if each.owner != target[-1].owner))
        else:
            size = target[-1].bits
            moved = (each.inside(outer.low, outer.bits) if each.bits == size else each for each in target)
            known = {each.owner for each in target}
            yield (*moved, *(each for each in inner if each.owner not in known))
