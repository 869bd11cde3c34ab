"""Calls: what is called, and functions that are followed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mmuproof.lift import syntax
from mmuproof.lift.c_types import RecordType, VoidType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.access import MemoryAccess
from mmuproof.lift.machine.asked_values import Evaluation, Result
from mmuproof.lift.machine.call_policy import CallPolicy
from mmuproof.lift.machine.conversions import convert, unreached
from mmuproof.lift.machine.definitions import Definitions
from mmuproof.lift.machine.execution import Execution
from mmuproof.lift.machine.intrinsics import Intrinsics
from mmuproof.lift.machine.located import Located
from mmuproof.lift.machine.state import Frame, State, meet, telling
from mmuproof.lift.machine.statements import Statements
from mmuproof.lift.machine.values import Object, ObjectKind, Place, Value, choose
from mmuproof.lift.syntax import Expr, Function, Location, Variable

_DEPTH = 64


class Calls:
    """Runs calls.

    Args:
        definitions: where functions are found.
        policy: what becomes of calls.
        intrinsics: the calls that the machine itself gives a meaning.
        run: in which functions are entered and left.
        access: to memory.
        values: evaluates arguments.
        statements: runs the bodies of functions.
    """

    def __init__(
        self,
        *,
        definitions: Definitions,
        policy: CallPolicy,
        intrinsics: Intrinsics,
        run: Execution,
        access: MemoryAccess,
        values: Evaluation,
        statements: Statements,
    ) -> None:
        self._definitions, self._policy, self._intrinsics = definitions, policy, intrinsics
        self._run, self._access, self._values, self._statements = run, access, values, statements

    def run_body(self, function: Function, arguments: Sequence[Value | Place], state: State, at: Location) -> Result:
        """Run a function's body; ``state`` goes on behind the call.

        Raises:
            Refused: something in it is not understood, or calls nest too deeply.
        """
        if len(self._run.frames) >= _DEPTH:
            raise Refused(f"calls nest too deeply in {function.name}", str(at))
        if len(arguments) != len(function.parameters):
            raise Refused(f"{function.name} with {len(arguments)} arguments", str(at))
        frame = Frame(function=function.name)
        if isinstance(function.result, RecordType):
            frame.result = Object(name=f"{function.name}()", type=function.result, kind=ObjectKind.UNSET)
        for variable, argument in zip(function.parameters, arguments, strict=True):
            object_ = frame.variables[variable] = Object(name=variable.name, type=variable.type, kind=ObjectKind.UNSET)
            if isinstance(argument, Place):
                self._access.transfer(argument, Place(object_, 0), variable.type.bits, state, at)
            else:
                state.memory.write(object_, 0, variable.type.bits, argument)
        self._run.frames.append(frame)
        try:
            end = self._statements.statement(function.body, State(state.guard, state.memory, state.valid))
        finally:
            self._run.frames.pop()
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

    def call(self, expr: syntax.Call, state: State) -> Result:
        """Run a call; ``state`` goes on behind it. Whether there is a value matters to who uses it.

        Raises:
            Refused: it is not understood what is called, or with what.
        """
        name = _called_by_name(expr.callee)
        if name is not None and self._policy.passes_over(name):
            return None if isinstance(expr.type, VoidType) else unreached(expr.type)
        function, names = self._callee(expr, state)
        if state.is_dead:
            return None
        if function is not None and function in self._intrinsics:
            return self._intrinsics.call(function, expr, state)
        stand_in = self._policy.stand_in(names)
        if stand_in is not None:
            return stand_in(expr, state)
        definition = self._definitions.find_function(function) if function is not None else None
        if definition is None and function is not None and self._intrinsics.knows_body(function):
            definition = _only_declared(function, expr)
        if definition is None:
            why = f"call of {names[0]}(): neither lifted nor on the list of cuts"
            return self._policy.not_followed(names, expr, state, why)
        if len(expr.arguments) != len(definition.parameters):
            why = f"call of {function}() with a variable number of arguments"
            return self._policy.not_followed(names, expr, state, why)
        arguments: list[Value | Place] = []
        for argument, parameter in zip(expr.arguments, definition.parameters, strict=True):
            if isinstance(parameter.type, RecordType):
                arguments.append(self._values.aggregate(argument, state))
            else:
                value = self._values.value(argument, state)
                arguments.append(convert(value, argument.type, parameter.type, expr.at))
        if state.is_dead:
            return None
        # What is known of a body that is none of C takes the place of running it.
        is_known = self._intrinsics.knows_body(definition.name)
        what = partial(self._intrinsics.body, definition.name) if is_known else partial(self.run_body, definition)
        run_body = partial(what, arguments, state, expr.at)
        return self._policy.follow(definition, arguments, state, expr.at, run_body)

    def _callee(self, expr: syntax.Call, state: State) -> tuple[str | None, tuple[str, ...]]:
        """The function that is called, if it is known, and the names under which it may be cut."""
        functions = self._access.follow_function(self._values.value(expr.callee, state), state, expr.at)
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


def _only_declared(name: str, call: syntax.Call) -> Function:
    """A function whose body is elsewhere, as a call shows it."""
    given = (
        Variable(name=f"argument {number}", type=each.type, is_global=False, is_const=False)
        for number, each in enumerate(call.arguments, 1)
    )
    body = syntax.Compound(at=call.at, body=())
    return Function(name=name, location=call.at, parameters=tuple(given), result=call.type, load_body=lambda: body)


def _called_by_name(callee: Expr) -> str | None:
    while isinstance(callee, syntax.Cast):
        callee = callee.operand
    return callee.name if isinstance(callee, syntax.FunctionName) else None
