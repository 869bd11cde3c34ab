"""The policy of a proof: every call is followed but for those on the list of cuts; there is no other way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from mmuproof.lift import syntax
from mmuproof.lift.c_types import CType, IntType, PointerType, RecordType, StructMember, VoidType, member_at
from mmuproof.lift.effects import Effects
from mmuproof.lift.errors import Missing, NotFollowed, Refused
from mmuproof.lift.machine.access import MemoryAccess
from mmuproof.lift.machine.asked_values import Evaluation, Result
from mmuproof.lift.machine.call_policy import StandIn
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.definitions import Definitions
from mmuproof.lift.machine.doubts import WrittenByCall
from mmuproof.lift.machine.execution import Execution
from mmuproof.lift.machine.findings import CallMade, NotedCut
from mmuproof.lift.machine.located import Located
from mmuproof.lift.machine.memory import input_pointer
from mmuproof.lift.machine.reached import left_outside, reach
from mmuproof.lift.machine.state import State
from mmuproof.lift.machine.values import Object, ObjectKind, Place, Pointer, Value, choose, error_pointer
from mmuproof.lift.machine.variables import Variables
from mmuproof.lift.syntax import Expr, Function, Location
from mmuproof.smt.terms import FALSE, BitVec, bool_var, resize, var

_WORD = 64
"""The bits of the largest struct that is kept of what a call is given."""


class GivenUp(Exception):  # noqa: N818 - reads as what happened
    """A function is not to be followed, which it was: the run has to begin anew."""


class CutCalls:
    """See `CallPolicy`.

    Args:
        cuts: the calls that are not followed, by the names of their functions.
        definitions: where the variables are that a cut writes.
        run: where the calls are noted.
        access: to memory.
        values: evaluates arguments.
        variables: where the objects are that a cut writes.
    """

    def __init__(
        self,
        *,
        cuts: Mapping[str, Cut],
        definitions: Definitions,
        run: Execution,
        access: MemoryAccess,
        values: Evaluation,
        variables: Variables,
    ) -> None:
        self._cuts, self._definitions = cuts, definitions
        self._run, self._access, self._values, self._variables = run, access, values, variables
        self._given_up: dict[str, str] = {}

    def passes_over(self, function: str) -> bool:
        """Never: all arguments are evaluated."""
        return False

    def stand_in(self, names: Sequence[str]) -> StandIn | None:
        """See `CallPolicy`."""
        cut = next((self._cuts[name] for name in names if name in self._cuts), None)
        return None if cut is None else partial(self._cut, cut)

    def not_followed(self, names: Sequence[str], call: syntax.Call, state: State, why: str) -> Result:
        """See `CallPolicy`."""
        raise Refused(why, str(call.at))

    def follow(
        self,
        function: Function,
        arguments: Sequence[Value | Place],
        state: State,
        at: Location,
        run_body: Callable[[], Result],
    ) -> Result:
        """See `CallPolicy`; a function that cannot be followed, but read, is given up.

        Raises:
            GivenUp: the run has to begin anew without following this function.
        """
        name = function.name
        if name in self._given_up:
            return self._stand_for(function, arguments, state, at)
        try:
            return run_body()
        except NotFollowed as refused:
            effects = self._definitions.effects(name)
            if effects is None or not effects.is_all or not isinstance(function.result, IntType | VoidType):
                raise
            self._given_up[name] = (
                f"is not followed, for {refused.message}; its result is any, and what its body writes becomes unknown"
            )
            raise GivenUp from None

    def _stand_for(self, function: Function, arguments: Sequence[Value | Place], state: State, at: Location) -> Result:
        """What a call of a function comes to that is given up."""
        effects = self._definitions.effects(function.name)
        assert effects is not None
        cut = Cut(function=function.name, reason=self._given_up[function.name])
        self._run.cut_calls[NotedCut(cut, at)] = None
        tag = self._run.unique(f"{function.name}()")
        types = [_target(each.type) for each in function.parameters]
        self._write(
            WrittenByCall(tag=tag, effects=effects, arguments=arguments, types=types, cut=None), arguments, state
        )
        if not isinstance(function.result, IntType):
            return None
        return resize(var(tag, function.result.value_bits), function.result.bits)

    def _cut(self, cut: Cut, expr: syntax.Call, state: State) -> Value | None:
        effects = self._definitions.effects(cut.function)
        self._run.cut_calls[NotedCut(cut, expr.at, _unchecked(cut, effects))] = None
        arguments: list[Value | None] = []
        for argument in expr.arguments:
            if isinstance(argument.type, RecordType):
                place = self._values.aggregate(argument, state)
                bits = argument.type.bits
                arguments.append(state.memory.read(place.object, place.offset, bits) if 0 < bits <= _WORD else None)
            else:
                arguments.append(self._values.value(argument, state))
        tag = self._run.unique(f"{cut.function}()")
        self._run.calls_made.append(
            CallMade(
                function=cut.function,
                tag=tag,
                at=expr.at,
                guard=state.guard,
                arguments=tuple(arguments),
                caller=self._run.function,
                bits=expr.type.value_bits if isinstance(expr.type, IntType) else 0,
                memory=state.memory.copy() if cut.watched else None,
            )
        )
        if cut.ends:
            state.guard = FALSE
        if effects is not None and effects.writes:
            types = [_pointed_to(each) for each in expr.arguments]
            written = WrittenByCall(tag=tag, effects=effects, arguments=arguments, types=types, cut=cut)
            self._write(written, arguments, state)
        for position, path in cut.writes:
            pointer = arguments[position] if position < len(arguments) else None
            # A number that is 0 is no null pointer: it shows that the arguments are others than the cut says.
            if not isinstance(pointer, Pointer):
                raise Refused(f"cut {cut.function}: argument {position} is no pointer", str(expr.at))
            self._make_unknown(cut, pointer, expr.arguments[position], path, tag, state)
        for name in cut.writes_globals:
            try:
                variable = self._definitions.variable(name)
            except Missing:
                raise Refused(f"cut {cut.function}: there is no object {name}", str(expr.at)) from None
            state.memory.make_unknown(self._variables.global_object(variable), tag)
        for position, path, stored in cut.stores:
            if position >= len(arguments):
                raise Refused(f"cut {cut.function}: there is no argument {position}", str(expr.at))
            self._answer(cut, arguments[position], expr.arguments[position], path, stored, state)
        if cut.gives is None:
            return self._cut_result(cut, expr, arguments, tag)
        return cut.gives(arguments) if callable(cut.gives) else cut.gives

    def _write(self, written: WrittenByCall, arguments: Sequence[Value | Place | None], state: State) -> None:
        """Let a call write what it may, of what it can reach."""
        found: dict[Object, str] = {}
        for argument in (*arguments, *left_outside(state.memory)):
            reach(argument, state.memory, "", found)
        state.memory.doubt(written, found)

    def _answer(self, cut: Cut, value: Value | None, argument: Expr, path: str, stored: Value, state: State) -> None:
        """Put a known value behind one of a cut's pointer arguments."""
        if not isinstance(value, Pointer) or not isinstance(argument.type, PointerType):
            raise Refused(f"cut {cut.function}: an argument is no pointer", str(argument.at))
        target = argument.type.target
        offset, width = 0, target.bits
        if path.isdecimal():
            offset = int(path) * width
        elif path:
            try:
                member = _first_member(target, path.split("|"))
            except KeyError:
                raise _missing(cut, target, path) from None
            offset, width = member.offset, member.width
        places = self._access.follow(value, state, argument.at)
        moved = [(guard, place.moved(offset)) for guard, place in places]
        self._access.write(moved, width, stored, state, argument.at)

    def _cut_result(self, cut: Cut, expr: syntax.Call, arguments: Sequence[Value | None], name: str) -> Value | None:
        if isinstance(expr.type, VoidType):
            return None
        if cut.repeatable:
            constants = [a.value for a in arguments if isinstance(a, BitVec) and a.is_const]
            if len(constants) != len(arguments):
                raise Refused(f"cut {cut.function}: repeatable, but an argument is no constant", str(expr.at))
            name = f"{cut.function}({', '.join(map(str, constants))})"
        if isinstance(expr.type, PointerType):
            found = input_pointer(Object(name=name, type=expr.type, kind=ObjectKind.INPUT), name, expr.type)
            if not cut.error:
                return found
            return choose(bool_var(f"{name} == {cut.error}"), error_pointer(cut.error), found)
        if not isinstance(expr.type, IntType):
            raise Refused(f"cut {cut.function}: a result of type {expr.type.name}", str(expr.at))
        result = resize(var(name, expr.type.value_bits), expr.type.bits)
        return result if cut.result_mask is None else result & cut.result_mask

    def _make_unknown(self, cut: Cut, pointer: Pointer, argument: Expr, path: str, tag: str, state: State) -> None:
        """Havoc what a cut may write behind one of its pointer arguments."""
        type_ = _pointed_to(argument)
        for target in pointer.targets:
            place = target.place
            if place is None:
                continue
            if not path:
                state.memory.make_unknown(place.object, tag)
                continue
            try:
                member = StructMember("", 0, type_) if path == "*" else _first_member(type_, path.split("|"))
            except KeyError:
                raise _missing(cut, type_, path) from None
            moved = place.moved(member.offset)
            for _, offset in self._access.choices(moved, member.width, state, argument.at):
                with Located(argument.at):
                    state.memory.make_range_unknown(place.object, offset, member.width, tag)


def _unchecked(cut: Cut, effects: Effects | None) -> tuple[str, ...]:
    """Of what is not known whether the cut lists what it writes."""
    if effects is None:
        return ("its body",)
    others = (f"that {'numbers' if each == '*' else each} it writes are others" for each in cut.elsewhere)
    return tuple(dict.fromkeys((*others, *(each.what for each in effects.not_read))))


def _pointed_to(argument: Expr) -> CType:
    """The type that an argument points to, before it is made a ``void *``; its own if it is no pointer."""
    while (
        isinstance(argument, syntax.Cast)
        and isinstance(argument.operand.type, PointerType)
        and isinstance(argument.type, PointerType)
        and isinstance(argument.type.target, VoidType)
    ):
        argument = argument.operand
    return _target(argument.type)


def _target(type_: CType) -> CType:
    return type_.target if isinstance(type_, PointerType) else type_


def _missing(cut: Cut, type_: CType, path: str) -> Missing:
    return Missing([f"{type_.name}.{path.replace('|', ' or ')}, which {cut.function}() writes"])


def _first_member(type_: CType, paths: Sequence[str]) -> StructMember:
    """The first of several paths that a struct has; kernels move members."""
    for path in paths:
        with suppress(KeyError):
            if isinstance(type_, RecordType):
                return member_at(type_, path)
    raise KeyError(paths)
