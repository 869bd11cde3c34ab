"""Calls: functions that are followed, and those on the list of cuts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from mmuproof.lift import syntax
from mmuproof.lift.c_types import CType, IntType, PointerType, RecordType, StructMember, VoidType, member_at
from mmuproof.lift.errors import Missing, Refused
from mmuproof.lift.machine.core import Located
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade, NotedCut
from mmuproof.lift.machine.intrinsics import INTRINSICS
from mmuproof.lift.machine.memory import input_pointer
from mmuproof.lift.machine.state import Frame, State, meet, telling
from mmuproof.lift.machine.statements import Statements
from mmuproof.lift.machine.values import Object, ObjectKind, Place, Pointer, Value, as_pointer, choose
from mmuproof.lift.syntax import Expr, Function, Location
from mmuproof.smt.terms import BitVec, resize, var

_DEPTH = 64


class Calls(Statements):
    """The part of the machine that calls; see `mmuproof.lift.machine.machine.Machine`."""

    def _call_function(
        self, function: Function, arguments: Sequence[Value | Place], state: State, at: Location
    ) -> Value | Place | None:
        """Run a function's body; ``state`` goes on behind the call."""
        if len(self._frames) >= _DEPTH:
            raise Refused(f"calls nest too deeply in {function.name}", str(at))
        if len(arguments) != len(function.parameters):
            raise Refused(f"{function.name} with {len(arguments)} arguments", str(at))
        frame = Frame(function=function.name)
        if isinstance(function.result, RecordType):
            frame.result = Object(name=f"{function.name}()", type=function.result, kind=ObjectKind.UNSET)
        for variable, argument in zip(function.parameters, arguments, strict=True):
            object_ = frame.variables[variable] = Object(name=variable.name, type=variable.type, kind=ObjectKind.UNSET)
            if isinstance(argument, Place):
                self._transfer(argument, Place(object_, 0), variable.type.bits, state, at)
            else:
                state.memory.write(object_, 0, variable.type.bits, argument)
        self._frames.append(frame)
        try:
            end = self._statement(function.body, State(state.guard, state.memory))
        finally:
            self._frames.pop()
        if end is not None:
            frame.returns.append((end, None))
        value = self._come_back(function, frame, state, at)
        for variable in function.parameters:
            frame.variables[variable].ended = True
            state.memory.forget(frame.variables[variable])
        return Place(frame.result, 0) if frame.result is not None else value

    def _come_back(self, function: Function, frame: Frame, state: State, at: Location) -> Value | None:
        """Merge the paths on which the function returns; if there is none, the caller's path ends too."""
        returns = [(each, value) for each, value in frame.returns if not each.is_dead]
        wants_value = not isinstance(function.result, VoidType | RecordType)
        merged: State | None = None
        result: Value | None = None
        for each, value in returns:
            if value is None and wants_value:
                # Behind the closing brace there is no value, and none may be used.
                nothing = Object(name=f"{function.name}()", type=function.result, kind=ObjectKind.UNSET)
                value = each.memory.read(nothing, 0, function.result.bits)
            if merged is None:
                merged, result = each, value
                continue
            if result is not None and value is not None:
                with Located(at):
                    result = choose(telling(merged.guard, each.guard), result, value)
            merged = meet([merged, each])
        state.become(merged)
        return result

    def _call(self, expr: syntax.Call, state: State) -> Value | Place | None:
        function, names = self._callee(expr, state)
        if state.is_dead:
            return None
        intrinsic = INTRINSICS.get(function) if function is not None else None
        if intrinsic is not None:
            return intrinsic(self, expr, state)
        cut = next((self._cuts[name] for name in names if name in self._cuts), None)
        if cut is not None:
            return self._cut(cut, expr, state)
        definition = self._definitions.find_function(function) if function is not None else None
        if definition is None:
            return self._unknown(names, expr, state, f"call of {names[0]}(): neither lifted nor on the list of cuts")
        if len(expr.arguments) != len(definition.parameters):
            return self._unknown(names, expr, state, f"call of {function}() with a variable number of arguments")
        arguments: list[Value | Place] = []
        for argument, parameter in zip(expr.arguments, definition.parameters, strict=True):
            if isinstance(parameter.type, RecordType):
                arguments.append(self._aggregate(argument, state))
            else:
                value = self._value(argument, state)
                arguments.append(self._convert(value, argument.type, parameter.type, expr.at))
        if state.is_dead:
            return None
        result = self._call_function(definition, arguments, state, expr.at)
        if isinstance(result, Place) or result is None:
            return result
        return self._require_set(result, state, expr.at)

    def _unknown(self, names: Sequence[str], expr: syntax.Call, state: State, why: str) -> Value | Place | None:
        """A call that cannot be followed and that no cut stands for; ``names`` is never empty."""
        raise Refused(why, str(expr.at))

    def _callee(self, expr: syntax.Call, state: State) -> tuple[str | None, tuple[str, ...]]:
        """The function that is called, if it is known, and the names under which it may be cut."""
        functions = self._follow_function(self._value(expr.callee, state), state, expr.at)
        if state.is_dead:
            return None, ()
        if len(functions) != 1:
            raise Refused("call through a pointer that may lead to several functions", str(expr.at))
        name = functions[0].name
        if not functions[0].known:
            return None, (name, functions[0].member, functions[0].member.rpartition(".")[2])
        # A static call names its trampoline; what is behind the prefix is what a person calls it.
        short = name.removeprefix("__SCT__")
        return short, (short,)

    # -- cuts -------------------------------------------------------------------------------------

    def _cut(self, cut: Cut, expr: syntax.Call, state: State) -> Value | None:
        self.cut_calls[NotedCut(cut, expr.at)] = None
        arguments: list[Value | None] = []
        for argument in expr.arguments:
            if isinstance(argument.type, RecordType):
                self._aggregate(argument, state)
                arguments.append(None)
            else:
                arguments.append(self._value(argument, state))
        caller = self._frames[-1].function if self._frames else ""
        self.calls_made.append(
            CallMade(function=cut.function, at=expr.at, guard=state.guard, arguments=tuple(arguments), caller=caller)
        )
        tag = self._unique(f"{cut.function}()")
        for position, path in cut.writes:
            value = arguments[position] if position < len(arguments) else None
            pointer = as_pointer(value) if value is not None else None
            if pointer is None:
                raise Refused(f"cut {cut.function}: argument {position} is no pointer", str(expr.at))
            self._make_unknown(cut, pointer, expr.arguments[position], path, tag, state)
        for name in cut.writes_globals:
            try:
                variable = self._definitions.variable(name)
            except Missing:
                raise Refused(f"cut {cut.function}: there is no object {name}", str(expr.at)) from None
            state.memory.make_unknown(self.global_object(variable), tag)
        for position, path, stored in cut.stores:
            if position >= len(arguments):
                raise Refused(f"cut {cut.function}: there is no argument {position}", str(expr.at))
            self._answer(cut, arguments[position], expr.arguments[position], path, stored, state)
        return self._cut_result(cut, expr, arguments, tag) if cut.gives is None else cut.gives

    def _answer(self, cut: Cut, value: Value | None, argument: Expr, path: str, stored: Value, state: State) -> None:
        """Put a known value behind one of a cut's pointer arguments."""
        pointer = as_pointer(value) if value is not None else None
        if pointer is None or not isinstance(argument.type, PointerType):
            raise Refused(f"cut {cut.function}: an argument is no pointer", str(argument.at))
        target = argument.type.target
        offset, width = 0, target.bits
        if path:
            try:
                member = _first_member(target, path.split("|"))
            except KeyError:
                raise Refused(f"cut {cut.function}: {target.name} has no {path}", str(argument.at)) from None
            offset, width = member.offset, member.width
        places = self._follow(pointer, state, argument.at)
        moved = [(guard, place.moved(offset)) for guard, place in places]
        self._write(moved, width, stored, state, argument.at)

    def _cut_result(self, cut: Cut, expr: syntax.Call, arguments: Sequence[Value | None], name: str) -> Value | None:
        if isinstance(expr.type, VoidType):
            return None
        if cut.repeatable:
            constants = [a.value for a in arguments if isinstance(a, BitVec) and a.is_const]
            if len(constants) != len(arguments):
                raise Refused(f"cut {cut.function}: repeatable, but an argument is no constant", str(expr.at))
            name = f"{cut.function}({', '.join(map(str, constants))})"
        if isinstance(expr.type, PointerType):
            return input_pointer(Object(name=name, type=expr.type, kind=ObjectKind.INPUT), name, expr.type)
        if not isinstance(expr.type, IntType):
            raise Refused(f"cut {cut.function}: a result of type {expr.type.name}", str(expr.at))
        width = 1 if expr.type.is_bool else expr.type.bits
        result = resize(var(name, width), expr.type.bits)
        return result if cut.result_mask is None else result & cut.result_mask

    def _make_unknown(self, cut: Cut, pointer: Pointer, argument: Expr, path: str, tag: str, state: State) -> None:
        """Havoc what a cut may write behind one of its pointer arguments."""
        while (
            isinstance(argument, syntax.Cast)
            and isinstance(argument.operand.type, PointerType)
            and isinstance(argument.type, PointerType)
            and isinstance(argument.type.target, VoidType)
        ):
            argument = argument.operand
        type_ = argument.type.target if isinstance(argument.type, PointerType) else argument.type
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
                raise Refused(
                    f"cut {cut.function}: {type_.name} has no {path.replace('|', ' or ')}", str(argument.at)
                ) from None
            moved = place.moved(member.offset)
            for _, offset in self._choices(moved, member.width, state, argument.at):
                with Located(argument.at):
                    state.memory.make_range_unknown(place.object, offset, member.width, tag)


def _first_member(type_: CType, paths: Sequence[str]) -> StructMember:
    """The first of several paths that a struct has; kernels move members."""
    for path in paths:
        with suppress(KeyError):
            if isinstance(type_, RecordType):
                return member_at(type_, path)
    raise KeyError(paths)
