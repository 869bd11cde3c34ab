"""What a call that is not followed may write, as its body says.

Of a cut it is what the list of cuts does not say. Such memory gets a value of its own kind, whose name says which cut
it is and where the write is. A claim that depends on such a value rests on what the list leaves out, so it must not
be proved; one that does not is the same as if nothing had been written there. What the list names becomes unknown
afterwards, and is in no doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from mmuproof.lift.c_types import ArrayType, CType, RecordType, leaf_at
from mmuproof.lift.effects import Effects
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.values import NULL, Object, Place, Pointer, Value, choose
from mmuproof.lift.writes import ALL, Span, Write, argument_of, may_meet, meeting, variable, views
from mmuproof.smt import operations as ops
from mmuproof.smt.terms import BitVec, Term, bool_var, concat, extract, var

_NUMBER = re.compile(r"\(\)#\d+")
_WRITTEN = " which does not list what is written at "


class WrittenByCall:
    """See `mmuproof.lift.machine.memory.Doubt`.

    Args:
        tag: the function, and which of its calls this is.
        effects: what it may write.
        arguments: what it is given.
        types: what the arguments point to.
        cut: the cut that does not list it; without one, it is known that this is all that is written.
    """

    def __init__(
        self,
        *,
        tag: str,
        effects: Effects,
        arguments: Sequence[Value | Place | None],
        types: Sequence[CType],
        cut: Cut | None,
    ) -> None:
        self._tag, self._is_listed = tag, cut is None
        others = () if cut is None else cut.elsewhere
        self._anywhere = [
            write
            for write in effects.writes
            if argument_of(write.spot) is None and (write.spot[0].owner or "*") not in others
        ]
        self._behind: dict[Object, list[tuple[int, int, Write]]] = {}
        self._known: dict[tuple[CType, str, int, int], list[tuple[int, int, Write]]] = {}
        self._may_write: dict[Object, bool] = {}
        for write in effects.writes:
            number = argument_of(write.spot)
            if number is not None and number < len(arguments) and write.spot[0].owner not in others:
                for place in _places(arguments[number]):
                    low, high = _range(place, write.spot[0], types[number])
                    self._behind.setdefault(place.object, []).append((low, high, write))

    def may_write(self, object_: Object) -> bool:
        """See `mmuproof.lift.machine.memory.Doubt`."""
        if object_ not in self._may_write:
            self._may_write[object_] = (
                object_.is_variable
                or object_ in self._behind
                or any(may_meet(write.spot, object_.type) for write in self._anywhere)
            )
        return self._may_write[object_]

    def value(self, object_: Object, start: int, width: int, value: Value) -> Value:
        """See `mmuproof.lift.machine.memory.Doubt`.

        Raises:
            Refused: a pointer may be written, of which nobody says where it leads then.
        """
        for low, high, write in _merged(self._written(object_, start, width)):
            name = f"{_bits_of(object_, start + low, high - low)} after {self._tag}"
            if not self._is_listed:
                name += f",{_WRITTEN}{write.at}"
            if isinstance(value, BitVec):
                above = [extract(value, width - 1, high)] if high < width else []
                below = [extract(value, low - 1, 0)] if low else []
                value = concat(*above, var(name, high - low), *below)
            elif self._is_listed:
                raise Refused(f"{self._tag} may write a pointer", str(write.at))
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


def _merged(ranges: Iterable[tuple[int, int, Write]]) -> list[tuple[int, int, Write]]:
    """Ranges that do not overlap, each with the first write to it."""
    merged: list[tuple[int, int, Write]] = []
    for low, high, write in sorted(ranges, key=lambda each: each[:2]):
        if merged and low < merged[-1][1]:
            before = merged.pop()
            low, high, write = before[0], max(high, before[1]), before[2]
        merged.append((low, high, write))
    return merged


def _bits_of(object_: Object, start: int, width: int) -> str:
    """What a range of an object is called; no two of the same object are called the same."""
    leaf = leaf_at(object_.type, start)
    path = object_.path(leaf.path)
    return path if (start, width) == (leaf.offset, leaf.width) else f"{path} bits {start}-{start + width - 1}"


def _places(value: Value | Place | None) -> Iterator[Place]:
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
    """What some terms rest on that a cut leaves out, each in words with the place that writes it."""
    for term in terms:
        if term.op is ops.VAR and _WRITTEN in term.name:
            yield _NUMBER.sub("()", term.name)
