"""Access to memory through pointers, with what C demands of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from mmuproof.lift.c_types import ArrayType, CType, IntType, PointerType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.conversions import address, unreached
from mmuproof.lift.machine.elements import place_in_element, read_element
from mmuproof.lift.machine.execution import Execution
from mmuproof.lift.machine.findings import CheckKind
from mmuproof.lift.machine.located import Located
from mmuproof.lift.machine.others import Others
from mmuproof.lift.machine.state import State
from mmuproof.lift.machine.values import (
    NULL,
    FunctionRef,
    ObjectKind,
    Place,
    Pointer,
    Target,
    Value,
    as_pointer,
    choose,
    is_null_condition,
    null_condition,
    unset_name,
)
from mmuproof.lift.syntax import Location
from mmuproof.smt import operations as ops
from mmuproof.smt.graph import substitute
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, Term, all_of, any_of, eq, ite, negate, resize, ult

_CHOICES = 1024

_T = TypeVar("_T")

Places = list[tuple[Bool, Place]]
"""Where something is: one of these places, each under a condition that excludes the others."""


class MemoryAccess:
    """Reads, writes and follows pointers.

    Args:
        run: where what C demands is noted.
    """

    def __init__(self, *, run: Execution) -> None:
        self._run, self._others = run, Others(run)
        self._set: dict[Term, Bool] = {}
        self._null_tests: dict[Term, frozenset[Term]] = {}

    def require_set(self, value: Value, state: State, at: Location) -> Value:
        """The value, with the demand that it does not depend on anything that was never set."""
        kind = CheckKind.UNSET
        if isinstance(value, BitVec):
            holds = self._is_set(value)
            if holds is not TRUE:
                self._run.require(kind, holds, state, at, f"{unset_name(value)} is read before it is set")
            return value
        unset = [target for target in value.targets if target.unset is not None]
        if not unset:
            return value
        name = unset[0].unset
        holds = negate(any_of(*(target.guard for target in unset)))
        self._run.require(kind, holds, state, at, f"{name} is read before it is set")
        return (
            Pointer(tuple(target for target in value.targets if target.unset is None))
            if len(unset) < len(value.targets)
            else NULL
        )

    def _is_set(self, root: BitVec) -> Bool:
        """The condition under which a term does not depend on an unset value."""
        return _bottom_up(root, self._set, _when_set)

    # -- pointers ---------------------------------------------------------------------------------

    def follow(self, value: Value, state: State, at: Location) -> Places:
        """Where a pointer to an object leads, with the demand that it does lead to one.

        An input pointer is taken to be valid, its owner being responsible for it, unless this path has
        asked whether it is null before it followed it for the first time.

        Raises:
            Refused: it is a number, or may be one.
        """
        pointer = as_pointer(value)
        if pointer is None:
            raise Refused("a number is followed as a pointer", str(at))
        targets = _reached(pointer, state)
        pointer = pointer if len(targets) == len(pointer.targets) else Pointer(targets)
        _refuse_numbers(pointer, at)
        places = [(target.guard, target.place) for target in pointer.targets if target.place is not None]
        wrong = any_of(*(target.guard for target in pointer.targets if target.place is None))
        inputs = [place.object.name for _, place in places if place.object.by_pointer]
        valid = self._require_valid(wrong, inputs, state, at)
        # What is read there must not depend on whether a pointer is null that is not.
        return [(substitute(guard, valid), place) for guard, place in places] if valid else places

    def follow_function(self, value: Value, state: State, at: Location) -> list[FunctionRef]:
        """The functions that a pointer may lead to; see `follow`.

        Raises:
            Refused: it is a number, or may be one.
        """
        pointer = as_pointer(value)
        if pointer is None:
            raise Refused("a number is called", str(at))
        _refuse_numbers(pointer, at)
        functions = [target.function for target in pointer.targets if target.function is not None]
        wrong = any_of(*(target.guard for target in pointer.targets if target.function is None))
        self._require_valid(wrong, [each.name for each in functions if not each.known], state, at)
        return functions

    def _require_valid(self, wrong: Bool, inputs: Sequence[str], state: State, at: Location) -> Mapping[Term, Term]:
        """Demand that a pointer is not ``wrong``; returned is what input pointers are taken for that are valid."""
        if wrong is FALSE:
            return {}
        asked = _bottom_up(state.guard, self._null_tests, _null_tests)
        conditions = [null_condition(name) for name in inputs]
        valid: dict[Term, Term] = {each: FALSE for each in conditions if each in state.valid or each not in asked}
        self._run.require(CheckKind.NULL, negate(substitute(wrong, valid)), state, at, "a null pointer is followed")
        if len(inputs) == 1:
            # It has been followed for certain, and what this path asks from here on it asks of a valid pointer.
            state.valid |= valid.keys()
        return valid

    def choices(self, place: Place, width: int, state: State, at: Location) -> list[tuple[Bool, int]]:
        """The offsets inside the object that a place may have, with the demand that there is no other.

        Raises:
            Refused: there are too many.
        """
        if place.object.ended:
            self._run.require(CheckKind.LIFETIME, FALSE, state, at, f"{place.object.name} is used after its end")
        choices = [(TRUE, place.offset)]
        for dimension in place.dimensions:
            if len(choices) * dimension.count > _CHOICES:
                raise Refused(f"an unknown index into {place.object.name} has too many values", str(at))
            if not dimension.checked:
                inside = ult(dimension.index - dimension.low, dimension.count)
                self._leaves(place, negate(inside), state)
                self._run.require(CheckKind.INDEX, inside, state, at)
            choices = [
                (
                    all_of(condition, eq(dimension.index, dimension.low + index)),
                    offset + (dimension.low + index) * dimension.stride,
                )
                for condition, offset in choices
                for index in range(dimension.count)
            ]
        last = place.object.type.bits - width
        inside_object = [(condition, offset) for condition, offset in choices if 0 <= offset <= last]
        if len(inside_object) < len(choices):
            outside = any_of(*(condition for condition, offset in choices if not 0 <= offset <= last))
            self._leaves(place, outside, state)
            what = f"an access outside {place.object.name}"
            self._run.require(CheckKind.INDEX, negate(outside), state, at, what)
        return inside_object

    def _leaves(self, place: Place, outside: Bool, state: State) -> None:
        """Note that a pointer from outside is moved off the one object that it is known to lead to.

        Raises:
            Refused: that is not to be followed in what is called.
        """
        object_ = place.object
        if object_.kind is ObjectKind.INPUT and object_.by_pointer and not isinstance(object_.type, ArrayType):
            beyond = all_of(state.guard, outside)
            if self._run.stays_inside and len(self._run.frames) > 1 and beyond is not FALSE:
                raise Refused(f"it goes beyond the first element of what leads to {object_.name}")
            self._run.beyond.append(beyond)

    # -- memory -----------------------------------------------------------------------------------

    def read(self, places: Places, width: int, type_: CType, state: State, at: Location) -> Value:
        """What the places hold, as a value of ``type_``; a path on which there is none has ended.

        Raises:
            Refused: that is none, or what is there is not understood.
        """
        result: Value | None = None
        with Located(at):
            for guard, place in places:
                element = self._element(place, width, state)
                if element is not None:
                    result = element if result is None else choose(guard, element, result)
                    continue
                for condition, offset in reversed(self.choices(place, width, state, at)):
                    if place.object.shared:
                        self._others.before_read(place.object, offset, width, state, all_of(guard, condition), at)
                    value = state.memory.read(place.object, offset, width)
                    here = all_of(guard, condition)
                    result = value if result is None else choose(here, value, result)
        if result is None:
            return unreached(type_)
        if isinstance(type_, PointerType):
            pointer = as_pointer(result)
            if pointer is None:
                raise Refused("a number is read as a pointer", str(at))
            return self.require_set(pointer, state, at)
        result = self.require_set(result, state, at)
        if not isinstance(type_, IntType):
            raise Refused(f"{type_.name} where a scalar is meant", str(at))
        if isinstance(result, Pointer):
            return address(result, type_, at)
        return resize(result, type_.bits, signed=type_.signed)

    def _element(self, place: Place, width: int, state: State) -> Value | None:
        """What an element of an array from outside holds; None if the place is not in one, or is not understood."""
        found = place_in_element(place, width) if self._run.elements is not None else None
        if found is None or self._run.elements is None:
            return None
        index, within = found
        base = state.memory.base(place.object)
        value = read_element(self._run.elements, base, place.object, index, within, width)
        if value is None or (index.is_const and index.value):
            return value
        return choose(eq(index, 0), state.memory.read(place.object, within, width), value)

    def write(self, places: Places, width: int, value: Value, state: State, at: Location) -> None:
        """Put a value into whichever of the places it is."""
        if isinstance(value, BitVec) and value.width > width:
            value = resize(value, width)
        with Located(at):
            for guard, place in places:
                here = guard if len(places) > 1 else TRUE
                choices = self.choices(place, width, state, at)
                for condition, offset in choices:
                    now = all_of(here, condition)
                    if now is FALSE:
                        continue
                    new = value
                    if place.object.shared:
                        self._others.before_write(place.object, offset, value, state, now, at)
                    if now is not TRUE:
                        new = choose(now, value, state.memory.read(place.object, offset, width))
                    state.memory.write(place.object, offset, width, new)

    def transfer(self, source: Place, target: Place, bits: int, state: State, at: Location) -> None:
        """Copy an aggregate between fixed places."""
        for place in (source, target):
            self.choices(place, bits, state, at)
            if place.object.shared:
                raise Refused(f"{place.object.name} is copied while others write it", str(at))
        if not state.is_dead:
            with Located(at):
                state.memory.transfer(source, target, bits)


def _bottom_up(root: Term, known: dict[Term, _T], combine: Callable[[Term, list[_T]], _T]) -> _T:
    """The value of ``root``, made from those of its arguments; ``known`` keeps all for the next time."""
    if root in known:
        return known[root]
    stack = [root]
    while stack:
        term = stack[-1]
        pending = [arg for arg in term.args if arg not in known]
        if pending:
            stack.extend(pending)
        else:
            stack.pop()
            if term not in known:
                known[term] = combine(term, [known[arg] for arg in term.args])
    return known[root]


def _reached(pointer: Pointer, state: State) -> tuple[Target, ...]:
    """What a pointer may be on a path, numbers left out that it is not there."""
    return tuple(
        each for each in pointer.targets if each.address is None or all_of(state.guard, each.guard) is not FALSE
    )


def _refuse_numbers(pointer: Pointer, at: Location) -> None:
    if any(target.address is not None for target in pointer.targets):
        raise Refused("a number that was turned into a pointer is followed", str(at))


def _when_set(term: Term, parts: list[Bool]) -> Bool:
    if term.op is ops.VAR:
        return TRUE if unset_name(term) is None else FALSE
    if term.op is ops.ITE and isinstance(term.args[0], Bool):
        return all_of(parts[0], ite(term.args[0], parts[1], parts[2]))
    all_set = all_of(*parts)
    if all_set is TRUE or term.width or term.op not in (ops.AND, ops.OR):
        return all_set
    # One that is set may decide: whatever the others are, they do not matter.
    conditions = [arg for arg in term.args if isinstance(arg, Bool)]
    decides = conditions if term.op is ops.OR else [negate(each) for each in conditions]
    return any_of(all_set, *map(all_of, parts, decides))


def _null_tests(term: Term, parts: list[frozenset[Term]]) -> frozenset[Term]:
    if term.op is ops.VAR:
        return frozenset((term,)) if is_null_condition(term) else frozenset()
    return frozenset().union(*parts) if any(parts) else frozenset()
