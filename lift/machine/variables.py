"""Variables: where they are, and what their initializers put there."""

from __future__ import annotations

from collections.abc import Callable

from mmuproof.lift import syntax
from mmuproof.lift.c_types import ArrayType, CType, RecordType, StructMember
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.access import MemoryAccess
from mmuproof.lift.machine.asked_values import Evaluation
from mmuproof.lift.machine.conversions import convert
from mmuproof.lift.machine.execution import Execution
from mmuproof.lift.machine.findings import NotedStep
from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.machine.state import Frame, State
from mmuproof.lift.machine.values import Cell, Object, ObjectKind, Place
from mmuproof.lift.syntax import Expr, Location, Variable
from mmuproof.smt.terms import TRUE, BitVec, bv


class Variables:
    """The objects that have a name.

    Args:
        run: whose innermost function's variables are known.
        access: to memory.
        values: evaluates initializers.
        known: the objects with static storage; those that are named first here are added.
        is_settled: whether an object with static storage, by its name, is changed by no call.
    """

    def __init__(
        self,
        *,
        run: Execution,
        access: MemoryAccess,
        values: Evaluation,
        known: dict[Variable, Object],
        is_settled: Callable[[str], bool],
    ) -> None:
        self._run, self._access, self._values = run, access, values
        self._globals, self._is_settled = known, is_settled

    def find(self, variable: Variable, at: Location) -> Object:
        """The object that holds a variable.

        Raises:
            Refused: the variable is not in scope.
        """
        if variable.is_global:
            return self.global_object(variable)
        found = self._run.frame.variables.get(variable)
        if found is None:
            raise Refused(f"variable {variable.name} outside its scope", str(at))
        return found

    def global_object(self, variable: Variable) -> Object:
        """The object that holds a variable with static storage."""
        found = self._globals.get(variable)
        if found is not None:
            return found
        if variable.initializer is None:
            found = self._globals[variable] = Object(name=variable.name, type=variable.type, kind=ObjectKind.INPUT)
            found.is_variable = True
            found.settled, found.words = self._is_settled(variable.name), self._run.words
            return found
        found = self._globals[variable] = Object(name=variable.name, type=variable.type, kind=ObjectKind.ZERO)
        state = State(TRUE, Memory())
        self._run.frames.append(Frame(function=variable.name))
        steps = len(self._run.steps)
        try:
            self.initialize(Place(found, 0), variable.type, variable.initializer, state, variable.name)
        finally:
            self._run.frames.pop()
            del self._run.steps[steps:]
        state.memory.freeze(found)
        return found

    def declare(self, variable: Variable, state: State) -> None:
        """Give a variable its first content, where its declaration is reached."""
        if variable.is_global:
            self.global_object(variable)
        elif variable.initializer is not None:
            place = Place(self._run.frame.variables[variable], 0)
            self.initialize(place, variable.type, variable.initializer, state, variable.name)

    def initialize(self, place: Place, type_: CType, value: Expr, state: State, name: str) -> None:
        """Give a place its first content; ``name`` is what a report calls it."""
        if isinstance(value, syntax.InitList):
            object_ = place.object
            if object_.kind is not ObjectKind.ZERO or object_.type is not type_:
                filler = Object(name="zero", type=type_, kind=ObjectKind.ZERO)
                self._access.transfer(Place(filler, 0), place, type_.bits, state, value.at)
            for target, inner in value.items:
                inner_name = f"{name}.{target.name}" if target.name else name
                if target.bit_width is None:
                    self.initialize(place.moved(target.offset), target.type, inner, state, inner_name)
                else:
                    self._initialize_scalar(place, target, inner, state, inner_name)
        elif isinstance(type_, ArrayType) and isinstance(value, syntax.Text):
            source = constant_bytes(name, type_, value.text, value.at)
            self._access.transfer(Place(source, 0), place, type_.bits, state, value.at)
        elif isinstance(type_, RecordType | ArrayType):
            self._access.transfer(self._values.aggregate(value, state), place, type_.bits, state, value.at)
        else:
            self._initialize_scalar(place, StructMember("", 0, type_), value, state, name)

    def _initialize_scalar(self, base: Place, target: StructMember, value: Expr, state: State, name: str) -> None:
        converted = convert(self._values.value(value, state), value.type, target.type, value.at)
        self._access.write([(TRUE, base.moved(target.offset))], target.width, converted, state, value.at)
        if isinstance(converted, BitVec):
            self._run.steps.append(NotedStep(value.at, name, state.guard, converted))


def constant_bytes(name: str, type_: CType, text: bytes | None, at: Location) -> Object:
    """A constant array that holds the characters of a string literal, and zeros behind them.

    Raises:
        Refused: the characters are not known, or of more than one byte each.
    """
    if text is None or not isinstance(type_, ArrayType) or type_.element.bits != 8:
        raise Refused("a string literal whose characters are not known", str(at))
    padded = text.ljust(type_.count, b"\0")[: type_.count]
    content = {index * 8: Cell(8, bv(byte, 8)) for index, byte in enumerate(padded)}
    return Object(name=name, type=type_, kind=ObjectKind.CONSTANT, content=content)
