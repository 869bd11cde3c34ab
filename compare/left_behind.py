"""Whether a function looks at single bits of a number whose bits have moved: then it has to have moved with them.

What only passes such a number on, compares two of them, or shifts by one, does the same wherever the bits are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mmuproof.compare.behaviours import Behaviour
from mmuproof.compare.encodings import Encoding, Kind, kind_of
from mmuproof.model.lifted.session import bit_fields
from mmuproof.smt import operations as ops
from mmuproof.smt.terms import BitVec, Term, extract


@dataclass(frozen=True)
class _View:
    """A term that has moved bits of a number in it: which of its own bits these are, and how many there were."""

    kind: Kind
    bits: int
    of: int


class Looks:
    """What one version of a function does with numbers whose bits have moved.

    Args:
        side: the version's run.
        encodings: how numbers of some kinds have changed.
        new: whether it is the new version.
    """

    def __init__(self, side: Behaviour, encodings: Mapping[Kind, Encoding], *, new: bool) -> None:
        self._side, self._encodings, self._new = side, encodings, new
        self._views: dict[Term, _View] = {}

    def kinds(self) -> frozenset[Kind]:
        """The kinds of numbers of which it looks at, or sets, single bits that have moved."""
        found: set[Kind] = set()
        for term in self._side.order:
            kind = self._looks(term)
            if kind is not None:
                found.add(kind)
        for name, output in _outputs(self._side):
            kind = kind_of(name, output.width)
            if kind is not None and any(value & self._moved(kind, output.width) for value in _constants(output)):
                found.add(kind)
        return frozenset(found)

    def _moved(self, kind: Kind, width: int) -> int:
        encoding = self._encodings.get(kind)
        return 0 if encoding is None else encoding.moved(width, new=self._new)

    def _looks(self, term: Term) -> Kind | None:
        """The kind of number of which a term looks at single bits, given that its arguments have been visited."""
        if term.op is ops.VAR:
            for name, offset, width in _parts(term.name, term.width, self._side):
                kind = kind_of(name, width)
                moved = 0 if kind is None else self._moved(kind, width) << offset
                if kind is not None and moved:
                    self._views[term] = _View(kind, moved, moved.bit_count())
            return None
        view = next((self._views[each] for each in term.args if each in self._views), None)
        if view is None:
            return None
        constant = next((each.value for each in term.args if each.is_const), None)
        if term.op is ops.EXTRACT:
            assert isinstance(term.data, int)
            return self._part(term, view, view.bits >> term.data & (1 << term.width) - 1)
        if term.op in (ops.ZEXT, ops.SEXT, ops.NOT) and term.width:
            return self._part(term, view, view.bits)
        if constant is None:
            return None
        if term.op in (ops.SHL, ops.ULT) and term.args[0].is_const:
            # A number of which it picks a bit, or that is compared with it, is made for where the bits are.
            return view.kind
        if term.op is ops.AND:
            return self._part(term, view, view.bits & constant)
        if term.op is ops.SHL:
            return self._part(term, view, view.bits << constant & (1 << term.width) - 1)
        if term.op in (ops.OR, ops.XOR):
            return view.kind if constant & view.bits else self._part(term, view, view.bits)
        if term.op is ops.EQ:
            return view.kind if constant & view.bits or self._encodings[view.kind].sets else None
        if term.op is ops.ULT and not constant & (constant - 1) and constant > view.bits:
            # The bits above are clear; which of those below are set is left open.
            return None
        return None if term.op in (ops.ITE, ops.CONCAT) else view.kind

    def _part(self, term: Term, view: _View, bits: int) -> Kind | None:
        """All moved bits may be taken together, or left out together."""
        if bits.bit_count() == view.of:
            self._views[term] = _View(view.kind, bits, view.of)
        return view.kind if bits and bits.bit_count() != view.of else None


def _parts(name: str, width: int, side: Behaviour) -> Iterator[tuple[str, int, int]]:
    """The numbers in a variable: itself, or the bit-fields of a word, each with its offset and width."""
    word = side.words.get(name)
    if word is None:
        yield name, 0, width
        return
    for each, place in bit_fields(word).items():
        yield each, place.offset, place.width


def _outputs(side: Behaviour) -> Iterator[tuple[str, BitVec]]:
    """What a run gives to others, by name: what it returns, writes, and gives to calls that are not followed."""
    if isinstance(side.result, BitVec):
        yield f"{side.function.name}()", side.result
    for call in side.calls:
        for name, argument in zip(call.parameters, call.arguments, strict=False):
            if isinstance(argument, BitVec):
                yield name, argument
    for memory, object_, leaf in side.places_written():
        value = memory.read(object_, leaf.offset, leaf.width)
        if not isinstance(value, BitVec):
            continue
        yield object_.path(leaf.path), value
        for name, place in (bit_fields(leaf.union) if leaf.union is not None else {}).items():
            if place.offset + place.width <= value.width:
                yield name, extract(value, place.offset + place.width - 1, place.offset)


def _constants(output: BitVec) -> Iterator[int]:
    """The numbers that an output may be, or that are put into it."""
    todo: list[Term] = [output]
    seen: set[Term] = set()
    while todo:
        term = todo.pop()
        if term in seen:
            continue
        seen.add(term)
        if term.is_const:
            yield term.value
        elif term.op is ops.ITE:
            todo += term.args[1:]
        elif term.op in (ops.OR, ops.XOR, ops.ZEXT):
            todo += term.args
