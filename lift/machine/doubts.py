"""What a cut does not say that its function writes, and the function's body does.

Such memory gets a value of its own kind, whose name says which cut it is and where the write is. A claim that
depends on such a value rests on what the list of cuts leaves out, so it must not be proved; one that does not
is the same as if nothing had been written there. What the list names becomes unknown afterwards, and is in no doubt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from mmuproof.lift.c_types import ArrayType, CType, RecordType, leaf_at
from mmuproof.lift.effects import Effects
from mmuproof.lift.machine.values import NULL, Object, Place, Pointer, Value, choose
from mmuproof.lift.writes import ALL, Span, Write, argument_of, meeting, variable, views
from mmuproof.smt import operations as ops
from mmuproof.smt.terms import BitVec, Term, bool_var, concat, extract, var

_WRITTEN = " which does not list what is written at "


class CutDoubt:
    """See `mmuproof.lift.machine.memory.Doubt`.

    Args:
        tag: the cut's function, and which of its calls this is.
        effects: what it may write.
        arguments: what it is given.
        types: what the arguments point to.
        elsewhere: see `mmuproof.lift.machine.cuts.Cut`.
    """

    def __init__(
        self,
        *,
        tag: str,
        effects: Effects,
        arguments: Sequence[Value | None],
        types: Sequence[CType],
        elsewhere: Collection[str],
    ) -> None:
        self._tag = tag
        self._anywhere = [
            write
            for write in effects.writes
            if argument_of(write.spot) is None and (write.spot[0].owner or "*") not in elsewhere
        ]
        self._behind: dict[Object, list[tuple[int, int, Write]]] = {}
        self._known: dict[tuple[CType, str, int, int], list[tuple[int, int, Write]]] = {}
        for write in effects.writes:
            number = argument_of(write.spot)
            if number is not None and number < len(arguments):
                for place in _places(arguments[number]):
                    low, high = _range(place, write.spot[0], types[number])
                    self._behind.setdefault(place.object, []).append((low, high, write))

    def __bool__(self) -> bool:
        return bool(self._anywhere or self._behind)

    def value(self, object_: Object, start: int, width: int, value: Value) -> Value:
        """See `mmuproof.lift.machine.memory.Doubt`."""
        for low, high, write in self._written(object_, start, width):
            leaf = leaf_at(object_.type, start)
            inner = f" from bit {start + low - leaf.offset} on" if start + low != leaf.offset else ""
            name = f"{object_.path(leaf.path)}{inner} after {self._tag},{_WRITTEN}{write.at}"
            if isinstance(value, BitVec):
                parts = (extract(value, width - 1, high) if high < width else None, var(name, high - low))
                parts = (*parts, extract(value, low - 1, 0) if low else None)
                value = concat(*(each for each in parts if each is not None))
            else:
                # It is still followed to where it led, and whoever follows it has to show that it is not null.
                value = choose(bool_var(name), value, NULL)
        return value

    def _written(self, object_: Object, start: int, width: int) -> Iterator[tuple[int, int, Write]]:
        """Which bits of a range may be written, and where."""
        for low, high, write in self._behind.get(object_, ()):
            if start < high and low < start + width:
                yield max(low - start, 0), min(high - start, width), write
        key = object_.type, object_.name if object_.is_variable else "", start, width
        if key not in self._known:
            seen = tuple(views(object_.type, start, width))
            if object_.is_variable:
                seen = (Span(variable(object_.name), start, width), *seen)
            met = ((meeting(write.spot, seen, width), write) for write in self._anywhere)
            self._known[key] = [(*bits, write) for bits, write in met if bits is not None]
        yield from self._known[key]


def _places(value: Value | None) -> Iterator[Place]:
    for target in value.targets if isinstance(value, Pointer) else ():
        if target.place is not None:
            yield target.place


def _range(place: Place, span: Span, type_: CType) -> tuple[int, int]:
    """The bits of an object that a span behind a pointer to a place may mean; without an end it stays in its array."""
    if place.dimensions:
        return 0, place.object.type.bits
    if span.bits < ALL:
        return place.offset + span.low, place.offset + span.low + span.bits
    array = _array_around(place.object.type, place.offset, type_.bits)
    return array or (place.offset, place.offset + type_.bits)


def _array_around(type_: CType, offset: int, bits: int) -> tuple[int, int] | None:
    """The array of elements of a size that an offset is in."""
    start = 0
    while True:
        if isinstance(type_, ArrayType) and type_.element.bits:
            if type_.element.bits <= bits:
                return start, start + type_.bits
            start += (offset - start) // type_.element.bits * type_.element.bits
            type_ = type_.element
        elif isinstance(type_, RecordType):
            inside = [each for each in type_.fields if each.offset <= offset - start < each.offset + each.width]
            if not inside:
                return None
            start, type_ = start + inside[0].offset, inside[0].type
        else:
            return None


def left_out(terms: Iterable[Term]) -> Iterator[str]:
    """What among some terms a cut leaves out, as sentences for the user."""
    for term in terms:
        if term.op is ops.VAR and _WRITTEN in term.name:
            yield term.name
