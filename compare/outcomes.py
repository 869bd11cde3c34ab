"""Two versions of a function held against each other: everything that they show, thing by thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import combinations

from mmuproof.compare.behaviours import Behaviour
from mmuproof.compare.encodings import Encoding, Kind, kind_of
from mmuproof.compare.relation import Relation
from mmuproof.compare.usual import Bounds, usual
from mmuproof.lift.c_types import Leaf, RecordType, StructMember, leaf_at
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Place, Pointer
from mmuproof.lift.machine.opaque_calls import CallResults, OpaqueCall
from mmuproof.lift.machine.reached import Argument, objects_of
from mmuproof.lift.machine.values import Target, Value, as_pointer, leaves
from mmuproof.model.lifted.session import bit_fields
from mmuproof.smt import operations as ops
from mmuproof.smt.graph import variables
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    Term,
    all_of,
    any_of,
    eq,
    extract,
    iff,
    implies,
    ne,
    negate,
    resize,
    to_bv,
)

RESULT, WARNING, STOP, UNDEFINED = "the return value", "a WARN", "a BUG", "undefined behaviour"
NOTHING_UNDEFINED = "nothing is undefined in the old version"


@dataclass(frozen=True, kw_only=True)
class Aspect:
    """One thing that both versions show.

    Args:
        name: what it is, as a reader calls it: `RESULT`, a place in memory, a call.
        differs: when the two do not show the same.
        old: what the old version shows, where that is a number or a truth value.
        new: likewise; it is what the old one's value stands for here, if the encoding changes.
        key: the name of a place in memory, or `RESULT`; empty for all else.
    """

    name: str
    differs: Bool
    old: Term | None = None
    new: Term | None = None
    key: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two versions held against each other.

    Args:
        aspects: what is compared, without what is the same at once.
        assumptions: what is taken for granted.
    """

    aspects: tuple[Aspect, ...]
    assumptions: tuple[Assumption, ...]

    @property
    def differs(self) -> Bool:
        """When the two do not show the same."""
        return any_of(*(each.differs for each in self.aspects))


def compare(
    old: Behaviour,
    new: Behaviour,
    relation: Relation,
    answers: CallResults,
    bounds: Bounds | None = None,
    assumed: Sequence[Assumption] = (),
) -> Comparison:
    """Hold two runs against each other under a relation of their inputs and outputs.

    Args:
        old: the run of the old version.
        new: the run of the new one.
        relation: what is which.
        answers: what the calls have given that both make.
        bounds: the kernel's own bounds of inputs.
        assumed: what is taken for granted besides, of the old version's inputs, if it looks at any of them.

    Raises:
        Refused: what they show cannot be compared.
    """
    return _Comparing(old, new, relation).run(answers, bounds or Bounds(), assumed)


@dataclass(frozen=True, kw_only=True)
class _Side:
    """One version's view.

    ``term`` and ``truth`` rewrite its terms into the common inputs, ``name`` its names; ``reached`` are the machine's
    own objects that the call can reach that is being made, with their names.
    """

    memory: Memory
    term: Callable[[BitVec], BitVec]
    truth: Callable[[Bool], Bool]
    name: Callable[[str], str]
    reached: Mapping[Object, str] = field(default_factory=dict)

    def objects(self) -> dict[str, Object]:
        """What may have been written of the outside, by common name."""
        return {self.name(each.name): each for each in self.memory.changed if each.kind is ObjectKind.INPUT}

    def at(self, call: OpaqueCall) -> _Side:
        """The same when a call is made."""
        return replace(self, memory=call.memory, reached=call.reached)


class _Comparing:
    def __init__(self, old: Behaviour, new: Behaviour, relation: Relation) -> None:
        self._old, self._new, self._relation = old, new, relation
        self._left = _Side(memory=old.memory, term=relation.old_term, truth=relation.old_truth, name=relation.old_name)
        self._right = _Side(memory=new.memory, term=relation.new_term, truth=relation.new_truth, name=relation.new_name)

    def run(self, answers: CallResults, bounds: Bounds, assumed: Sequence[Assumption]) -> Comparison:
        old, new, left, right = self._old, self._new, self._left, self._right
        stops, new_stops = left.truth(old.stops), right.truth(new.stops)
        warns, new_warns = left.truth(old.warns), right.truth(new.warns)
        undefined, new_undefined = left.truth(old.undefined), right.truth(new.undefined)
        found = [Aspect(name=STOP, differs=iff(stops, negate(new_stops)), old=stops, new=new_stops)]
        # What a reader wants to hear of comes first.
        rest = list(self._values(RESULT, RESULT, *self._results()))
        rest += self._memory(left, right, "")
        rest.append(Aspect(name=WARNING, differs=iff(warns, negate(new_warns)), old=warns, new=new_warns))
        rest += self._calls(old.calls, new.calls)
        rest.append(
            Aspect(name=UNDEFINED, differs=all_of(new_undefined, negate(undefined)), old=undefined, new=new_undefined)
        )
        going = negate(stops)
        found += [
            Aspect(name=each.name, differs=all_of(going, each.differs), old=each.old, new=each.new, key=each.key)
            for each in rest
            if each.differs is not FALSE
        ]
        assumptions = [*self._usual(bounds), *self._assumed(assumed)]
        if undefined is not FALSE:
            assumptions.append(Assumption(NOTHING_UNDEFINED, negate(undefined)))
        assumptions += self._congruence(answers)
        return Comparison(tuple(each for each in found if each.differs is not FALSE), tuple(assumptions))

    def _results(self) -> tuple[Value | Place | None, Value | Place | None]:
        """What both return; only whether it is 0 where the relation says that it is a truth value."""
        old, new = self._old.result, self._new.result
        if self._relation.truth and isinstance(old, BitVec) and isinstance(new, BitVec):
            return to_bv(ne(old, 0), 8), to_bv(ne(new, 0), 8)
        return old, new

    def _usual(self, bounds: Bounds) -> Iterator[Assumption]:
        """What is taken for granted of the common inputs, as far as either version looks at them."""
        found: dict[str, Bool] = {}
        for side, run in ((self._left, self._old), (self._right, self._new)):
            for each in usual(run, bounds):
                found[each.label] = all_of(found.get(each.label, TRUE), side.truth(each.term))
        for label, term in found.items():
            if term is not TRUE:
                yield Assumption(label, term)

    def _assumed(self, assumed: Sequence[Assumption]) -> Iterator[Assumption]:
        """What is assumed of inputs that are looked at; a name of another width is another thing."""
        for each in assumed:
            needed = variables(each.term)
            if any(self._old.variables.get(name) is term for name, term in needed.items()):
                yield Assumption(each.label, self._left.truth(each.term))

    # -- values -----------------------------------------------------------------------------------

    def _values(self, name: str, key: str, old: Argument, new: Argument, like: str = "") -> Iterator[Aspect]:
        """The aspects of a value, in the naming of each side; ``like`` is what it is called if it has no place."""
        if old is None or new is None:
            if (old is None) is not (new is None):
                yield Aspect(name=name, differs=TRUE)
            return
        if isinstance(old, Place) or isinstance(new, Place):
            if not (isinstance(old, Place) and isinstance(new, Place)):
                raise Refused(f"{name} is a struct in one version only")
            yield from self._records(name, key, old, new)
            return
        if isinstance(old, BitVec) and isinstance(new, BitVec):
            yield from self._numbers(name, key, self._left.term(old), self._right.term(new), like)
            return
        left, right = as_pointer(old), as_pointer(new)
        if left is None or right is None:
            raise Refused(f"{name} is a pointer in one version and a number in the other")
        differs = self._other_pointer(left, right)
        if differs is not FALSE:
            yield Aspect(name=name, differs=differs)

    def _numbers(self, name: str, key: str, old: BitVec, new: BitVec, like: str = "") -> Iterator[Aspect]:
        width = max(old.width, new.width)
        expected, actual = resize(old, width), resize(new, width)
        known = key or like
        encoding = self._relation.output("" if key == RESULT else known, width) if known else None
        if encoding is not None:
            compared = ~encoding.left_out(width)
            expected, actual = encoding.encode(expected) & compared, actual & compared
        if expected is not actual:
            yield Aspect(name=name, differs=negate(eq(expected, actual)), old=expected, new=actual, key=key)

    def _records(self, name: str, key: str, old: Place, new: Place) -> Iterator[Aspect]:
        """Structs by value: member by member, by name.

        Raises:
            Refused: one of them has a member that the other has not.
        """
        members = {leaf.path: leaf for leaf in leaves(new.object, new.offset, new.object.type.bits - new.offset)}
        for leaf in leaves(old.object, old.offset, old.object.type.bits - old.offset):
            other = members.pop(leaf.path, None)
            if other is None:
                raise Refused(f"{name} has {leaf.path} in the old version only")
            left = self._left.memory.read(old.object, leaf.offset, leaf.width)
            right = self._right.memory.read(new.object, other.offset, other.width)
            shown, inner = (f"{each}.{leaf.path}".rstrip(".") if each else "" for each in (name, key))
            if isinstance(left, BitVec) and isinstance(right, BitVec) and leaf.union and other.union:
                a, b = self._left.term(left), self._right.term(right)
                yield from self._words(shown, inner, a, b, leaf.union, other.union)
            else:
                yield from self._values(shown, inner, left, right)
        if members:
            raise Refused(f"{name} has {next(iter(members))} in the new version only")

    def _other_pointer(self, old: Pointer, new: Pointer) -> Bool:
        ours = [(self._left.truth(each.guard), each) for each in old.targets]
        theirs = [(self._right.truth(each.guard), each) for each in new.targets]
        return _led_elsewhere(ours, theirs, self._same_target)

    def _same_target(self, old: Target, new: Target) -> Bool:
        if old.place is not None and new.place is not None:
            return self._same_place(old.place, new.place)
        if old.function is not None and new.function is not None:
            return TRUE if old.function.name == self._right.name(new.function.name) else FALSE
        if old.address is not None and new.address is not None:
            return eq(self._left.term(old.address), self._right.term(new.address))
        return TRUE if old.is_null and new.is_null else FALSE

    def _same_place(self, old: Place, new: Place) -> Bool:
        ours = old.object.kind is ObjectKind.INPUT, new.object.kind is ObjectKind.INPUT
        if ours[0] is not ours[1]:
            return FALSE
        if len(old.dimensions) != len(new.dimensions):
            return FALSE
        starts = (_member_at(old.object, old.offset), _member_at(new.object, new.offset))
        if not ours[0]:
            # The machine's own objects are told apart by what they hold, and by the way to them.
            if self._left.reached.get(old.object) != self._right.reached.get(new.object):
                return FALSE
            if starts[0] != starts[1] and old.offset != new.offset:
                return FALSE
        if ours[0] and self._left.name(old.object.path(starts[0])) != self._right.name(new.object.path(starts[1])):
            return FALSE
        return all_of(
            *(
                eq(self._left.term(a.index), self._right.term(b.index))
                for a, b in zip(old.dimensions, new.dimensions, strict=True)
            )
        )

    # -- memory -----------------------------------------------------------------------------------

    def _memory(self, left: _Side, right: _Side, when: str) -> Iterator[Aspect]:
        """What each side has written outside, place by place."""
        ours, theirs = left.objects(), right.objects()
        places: dict[str, list[tuple[Object, Leaf] | None]] = {}
        for side, objects, column in ((left, ours, 0), (right, theirs, 1)):
            for object_ in objects.values():
                for offset, width in side.memory.written(object_):
                    for leaf in leaves(object_, offset, width):
                        name = side.name(object_.path(leaf.path))
                        places.setdefault(name, [None, None])[column] = (object_, leaf)
        for name, (old, new) in places.items():
            yield from self._place(name, left, right, old, new, when)

    def _place(
        self,
        name: str,
        left: _Side,
        right: _Side,
        old: tuple[Object, Leaf] | None,
        new: tuple[Object, Leaf] | None,
        when: str,
    ) -> Iterator[Aspect]:
        shown = f"{name}{when}"
        if old is not None and new is not None:
            a, b = (
                side.memory.read(object_, leaf.offset, leaf.width)
                for side, (object_, leaf) in ((left, old), (right, new))
            )
            unions = old[1].union, new[1].union
            if isinstance(a, BitVec) and isinstance(b, BitVec) and unions[0] is not None and unions[1] is not None:
                yield from self._words(shown, name, left.term(a), right.term(b), unions[0], unions[1])
                return
            yield from self._values(shown, name, a, b)
            return
        # What only one side has written holds on the other what it held at first, in the one's own naming.
        object_, leaf = old or new  # type: ignore[misc]
        writer = left if old is not None else right
        both = [side.memory.read(object_, leaf.offset, leaf.width) for side in (left, right)]
        union = leaf.union
        if isinstance(both[0], BitVec) and isinstance(both[1], BitVec):
            terms = [writer.term(each) for each in both if isinstance(each, BitVec)]
            if union is not None:
                yield from self._words(shown, name, terms[0], terms[1], union, union)
            elif terms[0] is not terms[1]:
                yield from self._numbers(shown, "", terms[0], terms[1])
            return
        pointers = [as_pointer(each) for each in both]
        if pointers[0] is None or pointers[1] is None:
            raise Refused(f"{name} holds a pointer or a number")
        if pointers[0] != pointers[1]:
            other = writer.truth(_other_in_one_naming(pointers[0], pointers[1]))
            if other is not FALSE:
                yield Aspect(name=shown, differs=other)

    def _words(
        self, shown: str, name: str, old: BitVec, new: BitVec, union: RecordType, other: RecordType
    ) -> Iterator[Aspect]:
        """Two words that are unions with bit-fields: compared by the names of these, as far as both have them."""
        ours, theirs = bit_fields(union), bit_fields(other)
        if not is_split(ours, theirs, self._relation.encodings, same_width=old.width == new.width):
            yield from self._numbers(shown, name, old, new)
            return
        names = same_fields(ours, theirs)
        for each, place in ours.items():
            there = theirs.get(names.get(each, ""))
            if there is not None and _fits(place, old) and _fits(there, new):
                yield from self._numbers(f"{shown}.{each}", f"{name}.{each}", _bits(old, place), _bits(new, there))
        # What the other version has no field for is to stay as it is.
        for fields, others, word, is_old in ((ours, set(names), old, True), (theirs, set(names.values()), new, False)):
            for each, place in fields.items():
                if each not in others and _fits(place, word):
                    value = _bits(word, place)
                    touched = _is_touched(value, each, place)
                    if touched is not FALSE:
                        yield Aspect(
                            name=f"{shown}.{each}",
                            differs=touched,
                            old=value if is_old else None,
                            new=None if is_old else value,
                        )

    # -- calls ------------------------------------------------------------------------------------

    def _calls(self, old: Sequence[OpaqueCall], new: Sequence[OpaqueCall]) -> Iterator[Aspect]:
        """The calls that are not followed: which, when, with what, and what they find."""
        left, right = self._left, self._right
        pairs: list[tuple[int, int]] = []
        free = list(range(len(new)))
        for i, call in enumerate(old):
            others = [j for j in free if new[j].function == call.function]
            j = next((j for j in others if new[j].number == call.number), others[0] if others else None)
            if j is None:
                yield Aspect(
                    name=f"a call of {call.function}()",
                    differs=left.truth(call.guard),
                    old=left.truth(call.guard),
                    new=FALSE,
                )
            else:
                free.remove(j)
                pairs.append((i, j))
        for j in free:
            yield Aspect(
                name=f"a call of {new[j].function}()",
                differs=right.truth(new[j].guard),
                old=FALSE,
                new=right.truth(new[j].guard),
            )
        for i, j in pairs:
            yield from self._call(old[i], new[j])
        in_order = [j for _, j in pairs] == sorted(j for _, j in pairs)
        for (i, j), (k, m) in combinations(pairs, 2) if not in_order else ():
            # Two that only read find the same in either order.
            if (i < k) is not (j < m) and not (old[i].only_reads and old[k].only_reads):
                both = all_of(left.truth(old[i].guard), left.truth(old[k].guard))
                yield Aspect(name=f"the order of {old[i].function}() and {old[k].function}()", differs=both)

    def _call(self, old: OpaqueCall, new: OpaqueCall) -> Iterator[Aspect]:
        left, right = self._left, self._right
        guard, other = left.truth(old.guard), right.truth(new.guard)
        yield Aspect(name=f"a call of {old.function}()", differs=iff(guard, negate(other)), old=guard, new=other)
        both = all_of(guard, other)
        if both is FALSE:
            return
        inner = self._given(old, new)
        for each in inner:
            yield Aspect(name=each.name, differs=all_of(both, each.differs), old=each.old, new=each.new)

    def _given(self, old: OpaqueCall, new: OpaqueCall) -> list[Aspect]:
        """What a call is given and finds, whenever both versions make it."""
        then = copy(self)
        left, right = then._left, then._right = self._left.at(old), self._right.at(new)
        inner: list[Aspect] = []
        what = f"what {old.function}() is given"
        if left.name(old.through) != right.name(new.through):
            inner.append(Aspect(name=f"the pointer through which {old.function}() is called", differs=TRUE))
        if len(old.arguments) != len(new.arguments):
            inner.append(Aspect(name=what, differs=TRUE))
        else:
            names = old.parameters if len(old.parameters) == len(old.arguments) else [""] * len(old.arguments)
            for number, (a, b) in enumerate(zip(old.arguments, _in_order(old, new), strict=True), 1):
                inner += then._values(f"argument {number} of {old.function}()", "", a, b, names[number - 1])
                inner += then._own(f"what argument {number} of {old.function}() points to", a, b, set())
        inner += then._memory(left, right, f" when {old.function}() is called")
        return inner

    def _own(self, name: str, a: Argument, b: Argument, seen: set[tuple[Object, Object]]) -> Iterator[Aspect]:
        """The machine's own objects that a call is given a pointer to, by what they hold."""
        left, right = self._left, self._right
        ours, theirs = _own_objects(a, left.reached), _own_objects(b, right.reached)
        if len(ours) != len(theirs):
            yield Aspect(name=name, differs=TRUE)
        for mine, other in zip(ours, theirs, strict=False):
            if (mine, other) in seen:
                continue
            seen.add((mine, other))
            for one, two in _written_leaves(mine, other, left.memory, right.memory):
                if one is None or two is None:
                    yield Aspect(name=name, differs=TRUE)
                    continue
                values = (
                    left.memory.read(mine, one.offset, one.width),
                    right.memory.read(other, two.offset, two.width),
                )
                yield from self._values(name, "", *values)
                yield from self._own(name, *values, seen)

    def _congruence(self, answers: CallResults) -> Iterator[Assumption]:
        """Functions that only answer give the same answer to the same question; so do elements of arrays."""
        says = {each.function: each.says for each in answers.asked.values()}
        asked: dict[str, list[tuple[tuple[BitVec, ...], str, BitVec]]] = {}
        for each in answers.asked.values():
            for term in dict.fromkeys((self._left.term, self._right.term)):
                asked.setdefault(each.function, []).append(
                    (tuple(term(number) for number in each.arguments), each.pointers, each.result)
                )
        for function, calls in asked.items():
            for (numbers, pointers, result), (others, other_pointers, other) in combinations(calls, 2):
                if result is other or pointers != other_pointers or len(numbers) != len(others):
                    continue
                if any(a.width != b.width for a, b in zip(numbers, others, strict=True)):
                    continue
                same = all_of(*(eq(a, b) for a, b in zip(numbers, others, strict=True)))
                holds = implies(same, eq(result, other))
                if holds is not TRUE:
                    yield Assumption(says[function], holds)


def _in_order(old: OpaqueCall, new: OpaqueCall) -> Sequence[Argument]:
    """The new version's arguments in the order in which the old one has them, if only the order is another."""
    if old.parameters == new.parameters or sorted(old.parameters) != sorted(new.parameters):
        return new.arguments
    return [new.arguments[new.parameters.index(each)] for each in old.parameters]


def _written_leaves(mine: Object, other: Object, old: Memory, new: Memory) -> Iterator[tuple[Leaf | None, Leaf | None]]:
    """The scalars that either of two objects has been given, with those of the other that are the same."""
    ours, theirs = (
        {leaf.path: leaf for offset, width in memory.written(object_) for leaf in leaves(object_, offset, width)}
        for object_, memory in ((mine, old), (other, new))
    )
    # Members of other names are the same in their order.
    gone = [path for path in ours if path not in theirs and not _has(other, path)]
    come = [path for path in theirs if path not in ours and not _has(mine, path)]
    renamed = dict(zip(gone, come, strict=False)) if len(gone) == len(come) else {}
    for path, leaf in ours.items():
        yield leaf, theirs.get(renamed.get(path, path))
    for path, leaf in theirs.items():
        if path not in ours and path not in renamed.values():
            yield None, leaf


def _has(object_: Object, path: str) -> bool:
    return any(leaf.path == path for leaf in leaves(object_, 0, object_.type.bits))


def _own_objects(argument: Argument, reached: Mapping[Object, str]) -> list[Object]:
    """The variables of the function itself that pointers in an argument may lead to, in the order of their names."""
    own = [each for each in objects_of(argument) if each.kind not in (ObjectKind.INPUT, ObjectKind.CONSTANT)]
    return sorted(own, key=lambda each: reached.get(each, ""))


def _bits(word: BitVec, place: StructMember) -> BitVec:
    return extract(word, place.offset + place.width - 1, place.offset)


def _fits(place: StructMember, word: BitVec) -> bool:
    return place.offset + place.width <= word.width


def same_fields(fields: Mapping[str, StructMember], others: Mapping[str, StructMember]) -> dict[str, str]:
    """Which bit-field of a word is which of another version's: by name, or the one that is left in its place."""
    found = {name: name for name in fields if name in others}
    gone, come = [name for name in fields if name not in found], [name for name in others if name not in found]
    if all((fields[name].offset, fields[name].width) == (others[name].offset, others[name].width) for name in found):
        places = {(others[name].offset, others[name].width): name for name in come}
        found |= {name: places[key] for name in gone if (key := (fields[name].offset, fields[name].width)) in places}
    return found


def _is_touched(value: Term, name: str, place: StructMember) -> Bool:
    """When a bit-field holds something else than what it held before the function, or than a call left in it."""
    if value.op is ops.ITE:
        condition, then, other = value.args
        assert isinstance(condition, Bool)
        return any_of(
            all_of(condition, _is_touched(then, name, place)),
            all_of(negate(condition), _is_touched(other, name, place)),
        )
    word, is_part = (value.args[0], True) if value.op is ops.EXTRACT else (value, False)
    if word.op is not ops.VAR:
        return TRUE
    own = value.data == place.offset if is_part else word.name.endswith(f".{name}")
    return FALSE if own else TRUE


def is_split(
    fields: Mapping[str, StructMember],
    others: Mapping[str, StructMember],
    encodings: Mapping[Kind, Encoding],
    *,
    same_width: bool,
) -> bool:
    """Whether two words are held against each other field by field, and not as a whole.

    That is so if they have other fields, or one whose bits have moved inside it.
    """
    if not fields or not others:
        return False
    places = ({name: (each.offset, each.width) for name, each in word.items()} for word in (fields, others))
    has_moved = any(kind_of(name, each.width) in encodings for name, each in fields.items())
    return has_moved or not same_width or next(places) != next(places)


def _member_at(object_: Object, offset: int) -> str:
    if not 0 <= offset < object_.type.bits:
        return f"+{offset}"
    leaf = leaf_at(object_.type, offset)
    return leaf.path if leaf.offset == offset else f"{leaf.path}+{offset - leaf.offset}"


def _other_in_one_naming(left: Pointer, right: Pointer) -> Bool:
    ours, theirs = ([(each.guard, each) for each in pointer.targets] for pointer in (left, right))
    return _led_elsewhere(ours, theirs, _same_in_one_naming)


def _same_in_one_naming(a: Target, b: Target) -> Bool:
    same = (a.place, a.function, a.address, a.is_null) == (b.place, b.function, b.address, b.is_null) or (
        a.place is not None
        and b.place is not None
        and a.place.object.name == b.place.object.name
        and a.place.position is b.place.position
    )
    return TRUE if same else FALSE


_Targets = Sequence[tuple[Bool, Target]]


def _led_elsewhere(ours: _Targets, theirs: _Targets, same: Callable[[Target, Target], Bool]) -> Bool:
    """When one pointer leads to something and another one to something else.

    A pointer into something that would be at null is nothing on that path, and is undefined there.

    Args:
        ours: what the one leads to, and when; only one of these holds at a time.
        theirs: likewise for the other.
        same: whether two targets are the same.
    """
    leads = any_of(FALSE, *(guard for guard, _ in theirs))
    return any_of(
        FALSE,
        *(
            all_of(
                guard,
                leads,
                *(negate(all_of(other, alike)) for other, b in theirs if (alike := same(a, b)) is not FALSE),
            )
            for guard, a in ours
        ),
    )
