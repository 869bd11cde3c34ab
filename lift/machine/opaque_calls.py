"""The machine for comparing two versions of a function: what neither follows, both are taken to do alike.

A call of a function that has no body here, or one that is not understood, does not end the run.  It becomes an
`OpaqueCall`: its result, and everything outside that it may write, becomes unknown, under a name that depends on
nothing but the function and how often it has been called.  Two runs whose calls agree, one by one, in their
conditions, arguments and in the memory that the callee finds, therefore agree in what comes back.  That they agree
is for who compares them to show.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mmuproof.lift import syntax
from mmuproof.lift.c_types import CType, IntType, PointerType, RecordType, VoidType
from mmuproof.lift.errors import Refused, Undefined
from mmuproof.lift.machine.core import Definitions
from mmuproof.lift.machine.machine import Machine
from mmuproof.lift.machine.memory import Memory, input_pointer
from mmuproof.lift.machine.state import State
from mmuproof.lift.machine.values import Object, ObjectKind, Place, Pointer, Target, Value
from mmuproof.lift.syntax import Expr, Function, Location, Variable
from mmuproof.smt.terms import BitVec, Bool, resize, var, zext

Argument = Value | Place | None
"""What a call is given: a value, where a struct is that is passed by value, or None for what is not evaluated."""


@dataclass(frozen=True, kw_only=True)
class OpaqueCall:
    """A call that was not followed and may do anything.

    Args:
        function: its name; for a call through a pointer in memory, the pointer's member.
        at: where it is.
        guard: the condition under which it happens.
        arguments: what it is given.
        memory: what it finds.
        caller: the function that it stands in.
        parameters: what the arguments are called, where the function has a body.
        through: for a call through a pointer in memory, the pointer's place.
        number: which of the calls of this function it is taken for, counted from 1.
    """

    function: str
    at: Location
    guard: Bool
    arguments: tuple[Argument, ...]
    memory: Memory
    caller: str
    parameters: tuple[str, ...] = ()
    through: str = ""
    number: int = 1


@dataclass(frozen=True)
class CallAsked:
    """A call of a function that only answers: the same for the same arguments."""

    function: str
    arguments: tuple[BitVec, ...]
    pointers: str
    result: BitVec


@dataclass
class CallResults:
    """What functions that only answer have been asked, by all machines that share this."""

    asked: dict[tuple[str, tuple[BitVec, ...], str], CallAsked] = field(default_factory=dict)

    def result(self, function: str, arguments: Sequence[Argument], width: int) -> BitVec:
        """The unknown result; equal arguments, known to be so or not, are told apart by `asked` alone."""
        numbers = tuple(each for each in arguments if isinstance(each, BitVec))
        pointers = ", ".join(_pointer_text(each) for each in arguments if isinstance(each, Pointer))
        key = (function, numbers, pointers)
        if key not in self.asked:
            same = sum(each.function == function for each in self.asked.values())
            name = f"{function}()" if not same else f"{function}()#{same + 1}"
            self.asked[key] = CallAsked(*key, var(name, width))
        return self.asked[key].result


@dataclass(frozen=True)
class CallResult:
    """What a function that only answers can answer.

    Args:
        reason: what it tells, and of what that is the same.
        mask: the bits that the answer can have.
    """

    reason: str
    mask: int = (1 << 64) - 1


@dataclass(frozen=True)
class Opaque:
    """What is known beforehand of functions that are not followed.

    Args:
        silent: a pattern for the names of those that only let somebody watch: they change and return nothing.
        answering: those that only answer.
        reading: those that only read, and answer what depends on what they find.
        never: those that are not to be followed although they could be.
    """

    silent: re.Pattern[str]
    answering: Mapping[str, CallResult]
    reading: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()


class OpaqueCalls(Machine):
    """A machine that goes on behind a call that it cannot follow.

    A loop whose end is not certain is given up sooner than elsewhere: page tables have five levels.

    Args:
        definitions: the translation unit.
        opaque: what is known of functions that are not followed.
        answers: shared by the machines whose runs are compared.
        settled: whether an object with static storage, by its name, is changed by no call.
        names: how functions are called in the names of unknown results, where that is not by their own names.
        budget: how many statements are run before what is run is given up; it does not depend on the machine's speed.
        numbers: for which of the calls of a function each of them is taken, where that is not their order in the text.

    The types of all unknown results are in `results`, by their names.
    """

    undecided_rounds = 6

    def __init__(
        self,
        definitions: Definitions,
        opaque: Opaque,
        answers: CallResults,
        settled: Callable[[str], bool],
        names: Mapping[str, str] | None = None,
        budget: int = 20_000,
        numbers: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        super().__init__(definitions)
        self.opaque_calls: list[OpaqueCall] = []
        self.given_up: dict[str, Refused] = {}
        self._opaque, self._answers, self._settled = opaque, answers, settled
        self._names, self._numbers = names or {}, numbers or {}
        self._budget = budget
        self.words: dict[str, RecordType] = {}
        self.results: dict[str, CType] = {}
        self._open_loops: list[tuple[list[State], int]] = []

    # -- what is followed -------------------------------------------------------------------------

    def _run_statement(self, stmt: syntax.Stmt, state: State) -> State | None:
        self._budget -= 1
        if self._budget < 0:
            raise TooMuch("more code is run than is worth it", str(stmt.at))
        return super()._run_statement(stmt, state)

    def _rounds(self, stmt: syntax.Loop, current: State | None, left: list[State]) -> None:
        before = len(left)
        self._open_loops.append((left, before))
        try:
            super()._rounds(stmt, current, left)
        finally:
            self._open_loops.pop()

    def global_object(self, variable: Variable) -> Object:
        """See `Machine`; what is settled is marked."""
        found = super().global_object(variable)
        if found.kind is ObjectKind.INPUT:
            found.settled, found.words = self._settled(variable.name), self.words
        return found

    def _call(self, expr: syntax.Call, state: State) -> Value | Place | None:
        # Whoever only watches is not even given its arguments.
        if isinstance(expr.callee, syntax.FunctionName | syntax.Cast):
            name = _called_by_name(expr.callee)
            if name is not None and self._opaque.silent.fullmatch(name):
                return None if isinstance(expr.type, VoidType) else self._unreached(expr.type)
        return super()._call(expr, state)

    def _call_function(
        self, function: Function, arguments: Sequence[Value | Place], state: State, at: Location
    ) -> Value | Place | None:
        if not self._frames:
            return super()._call_function(function, arguments, state, at)
        name = function.name
        if name in self._opaque.answering and isinstance(function.result, IntType):
            return self._answered(name, arguments, function.result)
        if name in self._opaque.never or name in self.given_up:
            return self._not_followed(name, arguments, function.result, state, at, function)
        before = _Before(self, state)
        try:
            return super()._call_function(function, arguments, state, at)
        except (Undefined, TooMuch):
            raise
        except Refused as refused:
            before.restore(state)
            self.given_up[name] = _without_frames(refused)
            return self._not_followed(name, arguments, function.result, state, at, function)

    def _unknown(self, names: Sequence[str], expr: syntax.Call, state: State, why: str) -> Value | Place | None:
        arguments: list[Argument] = []
        for argument in expr.arguments:
            if isinstance(argument.type, RecordType):
                arguments.append(self._aggregate(argument, state))
            else:
                arguments.append(self._value(argument, state))
        if state.is_dead:
            return None
        name = names[-1]
        if name in self._opaque.answering and isinstance(expr.type, IntType):
            return self._answered(name, arguments, expr.type)
        through = names[0] if len(names) > 1 else ""
        return self._not_followed(name, arguments, expr.type, state, expr.at, through=through)

    # -- what is not ------------------------------------------------------------------------------

    def _answered(self, name: str, arguments: Sequence[Argument], type_: IntType) -> BitVec:
        result = self._answers.result(self._names.get(name, name), arguments, 1 if type_.is_bool else type_.bits)
        mask = self._opaque.answering[name].mask & (1 << type_.bits) - 1
        return zext(result, type_.bits) if result.width < type_.bits else result & mask

    def _not_followed(
        self,
        name: str,
        arguments: Sequence[Argument],
        type_: CType,
        state: State,
        at: Location,
        definition: Function | None = None,
        through: str = "",
    ) -> Value | Place | None:
        if any(len(left) > before for left, before in self._open_loops):
            # Each time round, everything would be unknown anew, and how often it goes round as well.
            raise Refused(f"a loop whose end is not known, around a call of {name}() that is not followed", str(at))
        name = self._names.get(name, name)
        parameters = () if definition is None else tuple(each.name for each in definition.parameters)
        caller = self._frames[-1].function if self._frames else ""
        number = self._number(name)
        self.opaque_calls.append(
            OpaqueCall(
                function=name,
                at=at,
                guard=state.guard,
                arguments=tuple(arguments),
                memory=state.memory.copy(),
                caller=caller,
                parameters=parameters,
                through=through,
                number=number,
            )
        )
        tag = f"{name}()" if number == 1 else f"{name}()#{number}"
        self.results[tag] = type_
        if name in self._opaque.reading and isinstance(type_, IntType):
            return resize(var(tag, 1 if type_.is_bool else type_.bits), type_.bits)
        lost: set[Object] = set()
        for argument in (*arguments, *_left_outside(state.memory)):
            self._lose(argument, state.memory, tag, lost)
        state.memory.make_outside_unknown(tag)
        if isinstance(type_, VoidType):
            return None
        if isinstance(type_, PointerType):
            return input_pointer(Object(name=tag, type=type_, kind=ObjectKind.INPUT, words=self.words), tag, type_)
        if isinstance(type_, RecordType):
            return Place(Object(name=tag, type=type_, kind=ObjectKind.INPUT, words=self.words), 0)
        if not isinstance(type_, IntType):
            raise Refused(f"a call that returns {type_.name}", str(at))
        return resize(var(tag, 1 if type_.is_bool else type_.bits), type_.bits)

    def _number(self, function: str) -> int:
        """Which of the calls of a function the next one is taken for."""
        count = self._counts[f"{function}()"] = self._counts.get(f"{function}()", 0) + 1
        numbers = self._numbers.get(function, ())
        return numbers[count - 1] if count <= len(numbers) else count

    def _lose(self, value: Argument, memory: Memory, tag: str, seen: set[Object]) -> None:
        """Make unknown what the machine's own objects hold that a callee can reach."""
        targets: Iterable[Object] = ()
        if isinstance(value, Pointer):
            targets = [target.place.object for target in value.targets if target.place is not None]
        for object_ in targets:
            if object_.kind in (ObjectKind.INPUT, ObjectKind.CONSTANT) or object_ in seen:
                continue
            seen.add(object_)
            for offset, width in memory.written(object_):
                held = memory.read(object_, offset, width)
                if isinstance(held, Pointer):
                    self._lose(held, memory, tag, seen)
            memory.make_unknown(object_, tag)


class TooMuch(Refused):
    """The run is longer than it may be."""


class _Before:
    """What a machine has seen before a call that may turn out not to be followed."""

    def __init__(self, machine: OpaqueCalls, state: State) -> None:
        self._machine, self._guard, self._memory = machine, state.guard, state.memory.copy()
        self._lengths = (len(machine.checks), len(machine.steps), len(machine.calls_made), len(machine.opaque_calls))
        self._counts = machine._counts.copy()

    def restore(self, state: State) -> None:
        machine = self._machine
        state.guard, state.memory = self._guard, self._memory
        lists: tuple[list[object], ...] = (machine.checks, machine.steps, machine.calls_made, machine.opaque_calls)  # type: ignore[assignment]
        for seen, length in zip(lists, self._lengths, strict=True):
            del seen[length:]
        machine._counts = self._counts


def _without_frames(refused: Refused) -> Refused:
    """A refusal that is kept: it would keep all that was computed where it was raised."""
    refused.__traceback__ = refused.__context__ = refused.__cause__ = None
    return refused


def _left_outside(memory: Memory) -> Iterator[Pointer]:
    """The pointers that have been written where other code can find them."""
    for object_ in memory.changed:
        if object_.is_outside:
            for offset, width in memory.written(object_):
                held = memory.read(object_, offset, width)
                if isinstance(held, Pointer):
                    yield held


def _called_by_name(callee: Expr) -> str | None:
    while isinstance(callee, syntax.Cast):
        callee = callee.operand
    return callee.name if isinstance(callee, syntax.FunctionName) else None


def _pointer_text(pointer: Pointer) -> str:
    return " | ".join(f"{_target_text(target)} if {target.guard!r}" for target in pointer.targets)


def _target_text(target: Target) -> str:
    if target.place is not None:
        return f"{target.place.object.name}+{target.place.position!r}"
    return target.function.name if target.function is not None else "null"
