"""The part of the abstract machine that knows no syntax: obligations, memory access and conversions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from mmuproof.lift.c_types import CType, FunctionType, IntType, PointerType, VoidType
from mmuproof.lift.errors import Refused, Undefined
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade, CheckKind, NotedCheck, NotedCut, NotedStep
from mmuproof.lift.machine.state import Frame, State
from mmuproof.lift.machine.values import (
    NULL,
    FunctionRef,
    Place,
    Pointer,
    Target,
    Value,
    as_pointer,
    choose,
    is_null_condition,
    null_condition,
    truth,
    unset_name,
)
from mmuproof.lift.syntax import Function, Location, Variable
from mmuproof.smt import operations as ops
from mmuproof.smt.graph import substitute
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    Term,
    all_of,
    any_of,
    bv,
    eq,
    implies,
    ite,
    negate,
    resize,
    to_bv,
    ult,
    var,
)

_CHOICES = 1024

_T = TypeVar("_T")

Places = list[tuple[Bool, Place]]


class Definitions(Protocol):
    """Where the machine finds functions and variables: a `mmuproof.lift.parsing.unit.Unit`."""

    def find_function(self, name: str) -> Function | None:
        """The function's definition in this translation unit, or None."""

    def variable(self, name: str) -> Variable:
        """The variable of this name at file scope."""


class Located:
    """Adds the place in the source to a refusal that has none, of what is done in a ``with`` statement."""

    # There is one for each access to memory: a generator would take three times as long.
    __slots__ = ("_at",)

    def __init__(self, at: Location) -> None:
        self._at = at

    def __enter__(self) -> None:
        """Nothing is to be done."""

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Refused):
            raise type(error)(error.reason, error.location or str(self._at)) from None


def bottom_up(root: Term, known: dict[Term, _T], combine: Callable[[Term, list[_T]], _T]) -> _T:
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


class Core:
    """Obligations, memory access and conversions of the machine; see `mmuproof.lift.machine.machine.Machine`."""

    def __init__(self, definitions: Definitions, cuts: Sequence[Cut] = ()) -> None:
        self.checks: list[NotedCheck] = []
        self.steps: list[NotedStep] = []
        self.cut_calls: dict[NotedCut, None] = {}
        self.calls_made: list[CallMade] = []
        self._definitions = definitions
        self._cuts: Mapping[str, Cut] = {cut.function: cut for cut in cuts}
        self._counts: dict[str, int] = {}
        self._frames: list[Frame] = []
        self._set: dict[Term, Bool] = {}
        self._null_tests: dict[Term, frozenset[Term]] = {}

    def fresh(self, name: str, width: int) -> BitVec:
        """A variable that no other call of this machine gives."""
        return var(self._unique(name), width)

    def _unique(self, name: str) -> str:
        count = self._counts[name] = self._counts.get(name, 0) + 1
        return name if count == 1 else f"{name}#{count}"

    @property
    def _frame(self) -> Frame:
        return self._frames[-1]

    # -- obligations ------------------------------------------------------------------------------

    def _require(self, kind: CheckKind, holds: Bool, state: State, at: Location, what: str = "") -> None:
        """Demand that ``holds`` on this path; where it certainly does not, the path ends.

        Raises:
            Undefined: it is C that demands it, and every execution breaks it.
        """
        obligation = implies(state.guard, holds)
        if obligation is TRUE:
            return
        if not kind.is_stated and holds is FALSE:
            if state.guard is TRUE:
                raise Undefined(f"undefined behaviour: {what or f'it is not true that {kind.value}'}", str(at))
            state.guard = FALSE
        self.checks.append(NotedCheck(kind, at, obligation, self._frames[-1].function if self._frames else ""))

    def _require_set(self, value: Value, state: State, at: Location) -> Value:
        """The value, with the demand that it does not depend on anything that was never set."""
        kind = CheckKind.UNSET
        if isinstance(value, BitVec):
            holds = self._is_set(value)
            if holds is not TRUE:
                self._require(kind, holds, state, at, f"{unset_name(value)} is read before it is set")
            return value
        unset = [target for target in value.targets if target.unset is not None]
        if not unset:
            return value
        name = unset[0].unset
        holds = negate(any_of(*(target.guard for target in unset)))
        self._require(kind, holds, state, at, f"{name} is read before it is set")
        return (
            Pointer(tuple(target for target in value.targets if target.unset is None))
            if len(unset) < len(value.targets)
            else NULL
        )

    def _is_set(self, root: BitVec) -> Bool:
        """The condition under which a term does not depend on an unset value."""
        return bottom_up(root, self._set, _when_set)

    # -- pointers ---------------------------------------------------------------------------------

    def _follow(self, value: Value, state: State, at: Location) -> Places:
        """Where a pointer to an object leads, with the demand that it does lead to one.

        An input pointer is taken to be valid, its owner being responsible for it, unless this path has
        asked whether it is null.
        """
        pointer = as_pointer(value)
        if pointer is None:
            raise Refused("a number is followed as a pointer", str(at))
        _refuse_numbers(pointer, at)
        places = [(target.guard, target.place) for target in pointer.targets if target.place is not None]
        wrong = any_of(*(target.guard for target in pointer.targets if target.place is None))
        inputs = [place.object.name for _, place in places if place.object.by_pointer]
        self._require_valid(wrong, inputs, state, at)
        return places

    def _follow_function(self, value: Value, state: State, at: Location) -> list[FunctionRef]:
        """The functions that a pointer may lead to; see `_follow`."""
        pointer = as_pointer(value)
        if pointer is None:
            raise Refused("a number is called", str(at))
        _refuse_numbers(pointer, at)
        functions = [target.function for target in pointer.targets if target.function is not None]
        wrong = any_of(*(target.guard for target in pointer.targets if target.function is None))
        self._require_valid(wrong, [each.name for each in functions if not each.known], state, at)
        return functions

    def _require_valid(self, wrong: Bool, inputs: Sequence[str], state: State, at: Location) -> None:
        if wrong is FALSE:
            return
        for name in inputs:
            condition = null_condition(name)
            if condition not in bottom_up(state.guard, self._null_tests, _null_tests):
                wrong = substitute(wrong, {condition: FALSE})
        self._require(CheckKind.NULL, negate(wrong), state, at, "a null pointer is followed")

    def _choices(self, place: Place, width: int, state: State, at: Location) -> list[tuple[Bool, int]]:
        """The offsets inside the object that a place may have, with the demand that there is no other."""
        if place.object.ended:
            self._require(CheckKind.LIFETIME, FALSE, state, at, f"{place.object.name} is used after its end")
        choices = [(TRUE, place.offset)]
        for dimension in place.dimensions:
            if len(choices) * dimension.count > _CHOICES:
                raise Refused(f"an unknown index into {place.object.name} has too many values", str(at))
            if not dimension.checked:
                inside = ult(dimension.index - dimension.low, dimension.count)
                self._require(CheckKind.INDEX, inside, state, at)
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
            what = f"an access outside {place.object.name}"
            self._require(CheckKind.INDEX, negate(outside), state, at, what)
        return inside_object

    # -- memory -----------------------------------------------------------------------------------

    def _read(self, places: Places, width: int, type_: CType, state: State, at: Location) -> Value:
        """What the places hold, as a value of ``type_``; a path on which there is none has ended."""
        result: Value | None = None
        with Located(at):
            for guard, place in places:
                for condition, offset in reversed(self._choices(place, width, state, at)):
                    value = state.memory.read(place.object, offset, width)
                    here = all_of(guard, condition)
                    result = value if result is None else choose(here, value, result)
        if result is None:
            return self._unreached(type_)
        if isinstance(type_, PointerType):
            pointer = as_pointer(result)
            if pointer is None:
                raise Refused("a number is read as a pointer", str(at))
            return self._require_set(pointer, state, at)
        result = self._require_set(result, state, at)
        if not isinstance(type_, IntType):
            raise Refused(f"{type_.name} where a scalar is meant", str(at))
        if isinstance(result, Pointer):
            return self._address(result, type_, at)
        return resize(result, type_.bits, signed=type_.signed)

    def _write(self, places: Places, width: int, value: Value, state: State, at: Location) -> None:
        """Put a value into whichever of the places it is."""
        if isinstance(value, BitVec) and value.width > width:
            value = resize(value, width)
        with Located(at):
            for guard, place in places:
                here = guard if len(places) > 1 else TRUE
                choices = self._choices(place, width, state, at)
                for condition, offset in choices:
                    now = all_of(here, condition)
                    if now is FALSE:
                        continue
                    new = value
                    if now is not TRUE:
                        new = choose(now, value, state.memory.read(place.object, offset, width))
                    state.memory.write(place.object, offset, width, new)

    def _transfer(self, source: Place, target: Place, bits: int, state: State, at: Location) -> None:
        """Copy an aggregate between fixed places."""
        for place in (source, target):
            self._choices(place, bits, state, at)
        if not state.is_dead:
            with Located(at):
                state.memory.transfer(source, target, bits)

    def _unreached(self, type_: CType) -> Value:
        """A stand-in for a value that no execution sees."""
        return NULL if isinstance(type_, PointerType) else bv(0, type_.bits)

    # -- conversions ------------------------------------------------------------------------------

    def _convert(self, value: Value, source: CType, target: CType, at: Location) -> Value:
        """C's conversion of a value from one type to another."""
        if isinstance(target, IntType):
            if target.is_bool:
                return to_bv(truth(value), 8)
            if isinstance(value, Pointer):
                return self._address(value, target, at)
            return resize(value, target.bits, signed=isinstance(source, IntType) and source.signed)
        if isinstance(target, PointerType):
            pointer = as_pointer(value)
            if pointer is None:
                assert isinstance(value, BitVec)
                wide = resize(value, 64, signed=isinstance(source, IntType) and source.signed)
                return Pointer((Target(guard=TRUE, address=wide),))
            return pointer
        if isinstance(target, VoidType | FunctionType):
            return value
        raise Refused(f"conversion to {target.name}", str(at))

    def _address(self, pointer: Pointer, target: IntType, at: Location) -> BitVec:
        """The number that a pointer has as an address: unknown, but the same for the same object."""
        result: BitVec | None = None
        for each in pointer.targets:
            number = _number(each, at)
            result = number if result is None else ite(each.guard, number, result)
        assert result is not None
        return resize(result, target.bits)


def _refuse_numbers(pointer: Pointer, at: Location) -> None:
    if any(target.address is not None for target in pointer.targets):
        raise Refused("a number that was turned into a pointer is followed", str(at))


def _when_set(term: Term, parts: list[Bool]) -> Bool:
    if term.op is ops.VAR:
        return TRUE if unset_name(term) is None else FALSE
    if term.op is ops.ITE and isinstance(term.args[0], Bool):
        return all_of(parts[0], ite(term.args[0], parts[1], parts[2]))
    return all_of(*parts)


def _null_tests(term: Term, parts: list[frozenset[Term]]) -> frozenset[Term]:
    if term.op is ops.VAR:
        return frozenset((term,)) if is_null_condition(term) else frozenset()
    return frozenset().union(*parts) if any(parts) else frozenset()


def _number(target: Target, at: Location) -> BitVec:
    if target.function is not None:
        return var(f"&{target.function.name}", 64)
    if target.address is not None:
        return target.address
    if target.place is None:
        return bv(0, 64)
    place = target.place
    number = var(place.object.address_name, 64) + place.offset // 8
    for dimension in place.dimensions:
        number = number + dimension.index * (dimension.stride // 8)
    if place.offset % 8 or any(dimension.stride % 8 for dimension in place.dimensions):
        raise Refused("the address of a bit-field", str(at))
    return number
