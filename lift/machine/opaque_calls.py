"""The policy of comparing two versions of a function: what neither follows, both are taken to do alike.

A call of a function that has no body here, or one that is not understood, does not end the run. It becomes an
`OpaqueCall`: its result, and everything outside that it may write, becomes unknown, under a name that depends on
nothing but the function and how often it has been called. Two runs whose calls agree, one by one, in their
conditions, arguments and in the memory that the callee finds, therefore agree in what comes back. That they agree
is for who compares them to show.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mmuproof.lift import syntax
from mmuproof.lift.c_types import CType, IntType, PointerType, RecordType, VoidType
from mmuproof.lift.errors import Refused, Undefined
from mmuproof.lift.machine.asked_values import Evaluation, Result
from mmuproof.lift.machine.call_policy import StandIn
from mmuproof.lift.machine.elements import ELEMENT
from mmuproof.lift.machine.execution import Execution
from mmuproof.lift.machine.findings import numbered
from mmuproof.lift.machine.located import Located
from mmuproof.lift.machine.memory import Memory, input_pointer
from mmuproof.lift.machine.reached import Argument, is_own, left_outside, objects_of, reach, scalars_of
from mmuproof.lift.machine.run_limits import TooMuch
from mmuproof.lift.machine.state import State
from mmuproof.lift.machine.values import Cell, Object, ObjectKind, Place, Pointer, Target, Value, leaves, unset_name
from mmuproof.lift.syntax import Function, Location
from mmuproof.smt.solver import satisfiable
from mmuproof.smt.terms import BitVec, Bool, all_of, negate, resize, var, zext

_EASY = 200_000
"""The solver's resource limit for whether a call was made on every path: most are seen at once."""
_MOST_CALLS = 96
"""Each hands on all that may have been written before, so their cost grows with the square of their number."""


@dataclass(frozen=True, kw_only=True)
class OpaqueCall:
    """A call that was not followed and may do anything, unless it `only_reads`.

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
        reached: the machine's own objects that it can reach, each with its name in the call.
        ways: these names, by the way from an argument on which the object is reached first.
        only_reads: whether it changes nothing, so that another one that does not may come before or after it.
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
    reached: Mapping[Object, str] = field(default_factory=dict)
    ways: Mapping[str, str] = field(default_factory=dict)
    only_reads: bool = False

    @property
    def tag(self) -> str:
        """What tells it from other calls in names."""
        return numbered(f"{self.function}()", self.number)


@dataclass(frozen=True)
class CallAsked:
    """A call of a function that only answers, or an element of an array: the same for the same arguments."""

    function: str
    arguments: tuple[BitVec, ...]
    pointers: str
    result: BitVec

    @property
    def says(self) -> str:
        """What is taken for granted of two of them."""
        if ELEMENT in self.function:
            return f"{self.function} is the same for the same index"
        return f"{self.function}() gives the same answer to the same question"


@dataclass
class CallResults:
    """What functions that only answer have been asked, by all machines that share this."""

    asked: dict[tuple[str, tuple[BitVec, ...], str], CallAsked] = field(default_factory=dict)

    def result(self, function: str, arguments: Sequence[Argument], memory: Memory, width: int) -> BitVec:
        """The unknown result; equal arguments, known to be so or not, are told apart by `asked` alone.

        A variable of the caller's own that it is given a pointer to is told by what it holds, and not by its name.
        """
        scalars = [scalar for each in arguments for scalar in scalars_of(each)]
        own = (object_ for each in arguments for object_ in objects_of(each) if is_own(object_))
        held = (value for each in own for value in _held(each, memory))
        numbers = tuple(each for each in (*scalars, *held) if isinstance(each, BitVec))
        pointers = ", ".join(_pointer_text(each) for each in scalars if isinstance(each, Pointer))
        key = (function, numbers, pointers)
        if key not in self.asked:
            self.asked[key] = CallAsked(*key, var(numbered(f"{function}()", self._next(function)), width))
        return self.asked[key].result

    def element(self, array: str, index: BitVec, width: int) -> BitVec:
        """See `mmuproof.lift.machine.elements.Elements`."""
        key = (array, (index,), "")
        if key not in self.asked:
            number = self._next(array)
            name = array if number == 1 else array.replace(ELEMENT, f"{ELEMENT[:-1]} {number}]")
            self.asked[key] = CallAsked(*key, var(name, width))
        return self.asked[key].result

    def _next(self, function: str) -> int:
        return 1 + sum(each.function == function for each in self.asked.values())


@dataclass(frozen=True)
class CallResult:
    """What a function that only answers can answer.

    Args:
        reason: what it tells, and of what that is the same.
        mask: the bits that the answer can have.
    """

    reason: str
    mask: int = (1 << 64) - 1


@dataclass(frozen=True, kw_only=True)
class Opaque:
    """What is known beforehand of functions that are not followed.

    Args:
        silent: a pattern for the names of those that only let somebody watch: they change and return nothing.
        answering: those that only answer.
        reading: those that only read, and answer what depends on what they find.
        steady: those that say the same as long as nothing is changed, if they only read.
        never: those that are not to be followed although they could be.
        only_reads: whether the body of another one, by its name, is known to change nothing.
    """

    silent: re.Pattern[str]
    answering: Mapping[str, CallResult]
    reading: frozenset[str] = frozenset()
    steady: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    only_reads: Callable[[str], bool] = lambda _: False


class OpaqueCalls:
    """See `CallPolicy`; a call that cannot be followed is noted, and what it may change becomes unknown.

    Args:
        opaque: what is known of functions that are not followed.
        answers: shared by the machines whose runs are compared.
        names: how functions are called in the names of unknown results, where that is not by their own names.
        numbers: for which of the calls of a function each of them is taken, where that is not their order in the text.
        before: the calls of the run that this one is held against, whose names are taken over: what a call is given
            a pointer to is told by the call and the way from its arguments, and not by the name of a local variable.
        parameters: what the parameters of a function are called in `OpaqueCall.parameters`, where that is not known
            from its body here; nothing if it is not known at all.
        run: which functions and loops the calls stand in.
        values: evaluates arguments.

    The types of all unknown results are in `results`, by their names.
    """

    def __init__(
        self,
        *,
        opaque: Opaque,
        answers: CallResults,
        names: Mapping[str, str],
        numbers: Mapping[str, Sequence[int]],
        before: Sequence[OpaqueCall],
        parameters: Callable[[str], Sequence[str]],
        run: Execution,
        values: Evaluation,
    ) -> None:
        self.calls: list[OpaqueCall] = []
        self.given_up: dict[str, Refused] = {}
        self.results: dict[str, CType] = {}
        self._given: dict[str, Value] = {}
        self._opaque, self._answers, self._names, self._numbers = opaque, answers, names, numbers
        self._before = {each.tag: each.ways for each in before}
        self._parameters = parameters
        self._run, self._values = run, values

    def passes_over(self, function: str) -> bool:
        """Whoever only watches is not even given its arguments."""
        return self._opaque.silent.fullmatch(self._names.get(function, function)) is not None

    def stand_in(self, names: Sequence[str]) -> StandIn | None:
        """Nothing: what can be followed is, unless `follow` gives it up."""
        return None

    def not_followed(self, names: Sequence[str], call: syntax.Call, state: State, why: str) -> Result:
        """See `CallPolicy`."""
        arguments: list[Argument] = []
        for argument in call.arguments:
            if isinstance(argument.type, RecordType):
                arguments.append(self._values.aggregate(argument, state))
            else:
                arguments.append(self._values.value(argument, state))
        if state.is_dead:
            return None
        name = names[-1]
        arguments = _copied(arguments, [each.type for each in call.arguments], state.memory, call.at)
        if self._names.get(name, name) in self._opaque.answering and isinstance(call.type, IntType):
            return self._answered(name, arguments, call.type, state)
        through = names[0] if len(names) > 1 else ""
        return self._note(name, arguments, call.type, state, call.at, through=through)

    def follow(
        self,
        function: Function,
        arguments: Sequence[Value | Place],
        state: State,
        at: Location,
        run_body: Callable[[], Result],
    ) -> Result:
        """See `CallPolicy`; what is refused leaves nothing behind, and is not followed again."""
        name = function.name
        given = _copied(arguments, [each.type for each in function.parameters], state.memory, at)
        if self._names.get(name, name) in self._opaque.answering and isinstance(function.result, IntType):
            return self._answered(name, given, function.result, state)
        if name in self._opaque.never or name in self.given_up:
            return self._note(name, given, function.result, state, at, function)
        before, mark, noted = State(state.guard, state.memory.copy(), state.valid), self._run.mark(), len(self.calls)
        try:
            return run_body()
        except (Undefined, TooMuch):
            raise
        except Refused as refused:
            state.become(before)
            self._run.go_back(mark)
            del self.calls[noted:]
            self.given_up[name] = _without_frames(refused)
            return self._note(name, given, function.result, state, at, function)

    # -- what is not followed ---------------------------------------------------------------------

    def _answered(self, name: str, arguments: Sequence[Argument], type_: IntType, state: State) -> BitVec:
        name = self._names.get(name, name)
        result = self._answers.result(name, arguments, state.memory, type_.value_bits)
        mask = self._opaque.answering[name].mask & (1 << type_.bits) - 1
        return zext(result, type_.bits) if result.width < type_.bits else result & mask

    def _note(
        self,
        name: str,
        arguments: Sequence[Argument],
        type_: CType,
        state: State,
        at: Location,
        definition: Function | None = None,
        through: str = "",
    ) -> Result:
        if self._run.is_in_open_loop:
            # Each time round, everything would be unknown anew, and how often it goes round as well.
            raise Refused(f"a loop whose end is not known, around a call of {name}() that is not followed", str(at))
        if len(self.calls) >= _MOST_CALLS:
            raise TooMuch(f"more is called and not followed than is worth it: over {_MOST_CALLS} calls")
        parameters = tuple(self._parameters(name))
        if not parameters and definition is not None:
            parameters = tuple(each.name for each in definition.parameters)
        name = self._names.get(name, name)
        found: dict[Object, str] = {}
        ways = parameters if len(parameters) == len(arguments) else map(str, range(1, len(arguments) + 1))
        for way, argument in zip(ways, arguments, strict=True):
            reach(argument, state.memory, way, found)
        for number, argument in enumerate(left_outside(state.memory), 1):
            reach(argument, state.memory, f"outside {number}", found)
        only_reads = name in self._opaque.reading or self._opaque.only_reads(name)
        if only_reads and not found and name in self._opaque.steady:
            known = self._said_before(name, arguments, state)
            if known is not None:
                return known
        call = OpaqueCall(
            function=name,
            at=at,
            guard=state.guard,
            arguments=tuple(arguments),
            memory=state.memory.copy(),
            caller=self._run.function,
            parameters=parameters,
            through=through,
            number=self._number(name),
            only_reads=only_reads,
        )
        tag = call.tag
        reached = _named(found, self._before.get(tag, {}))
        self.calls.append(replace(call, reached=reached, ways={found[each]: reached[each] for each in found}))
        self.results[tag] = type_
        if not call.only_reads:
            for object_, called in reached.items():
                state.memory.make_unknown(object_, tag, called)
            state.memory.make_outside_unknown(tag)
        if isinstance(type_, VoidType):
            return None
        if isinstance(type_, RecordType):
            return Place(Object(name=tag, type=type_, kind=ObjectKind.INPUT, words=self._run.words), 0)
        self._given[tag] = result = self._unknown(tag, type_, at)
        return result

    def _unknown(self, tag: str, type_: CType, at: Location) -> Value:
        """A scalar of which nothing is known but that a call has given it."""
        if isinstance(type_, PointerType):
            return input_pointer(Object(name=tag, type=type_, kind=ObjectKind.INPUT, words=self._run.words), tag, type_)
        if not isinstance(type_, IntType):
            raise Refused(f"a call that returns {type_.name}", str(at))
        return resize(var(tag, type_.value_bits), type_.bits)

    def _said_before(self, name: str, arguments: Sequence[Argument], state: State) -> Value | None:
        """What a call has given that was made on every path to here and has found what one would find now."""
        for earlier in reversed(self.calls):
            if (
                earlier.function == name
                and earlier.only_reads
                and not earlier.reached
                and earlier.tag in self._given
                and all(map(_is_same, earlier.arguments, arguments))
                and _finds_the_same(state.memory, earlier.memory)
                and _implies(state.guard, earlier.guard)
            ):
                return self._given[earlier.tag]
        return None

    def _number(self, function: str) -> int:
        """Which of the calls of a function the next one is taken for."""
        count = self._run.count(f"{function}()")
        numbers = self._numbers.get(function, ())
        return numbers[count - 1] if count <= len(numbers) else count


def _is_same(left: Argument, right: Argument) -> bool:
    """Whether two arguments are known to be alike; structs that are given by value are not."""
    return left is right or (isinstance(left, Pointer) and isinstance(right, Pointer) and left == right)


def _implies(guard: Bool, other: Bool) -> bool:
    """Whether one condition is known to hold wherever another does, however it is written."""
    return all_of(guard, other) is guard or satisfiable(all_of(guard, negate(other)), _EASY) is False


def _finds_the_same(memory: Memory, earlier: Memory) -> bool:
    """Whether nothing has changed meanwhile but variables of the code that is run, which no call was given."""
    everything, some = memory.differences(earlier)
    return not everything and all(object_.kind is ObjectKind.UNSET for object_, _, _ in some)


def _copied(arguments: Sequence[Argument], types: Sequence[CType], memory: Memory, at: Location) -> list[Argument]:
    """Arguments with the content that structs passed by value have when the call is made."""
    with Located(at):
        return [
            _copy(each, Object(name=f"argument {number}", type=type_, kind=ObjectKind.CONSTANT), memory)
            if isinstance(each, Place)
            else each
            for number, (each, type_) in enumerate(zip(arguments, types, strict=True), 1)
        ]


def _copy(source: Place, made: Object, memory: Memory) -> Place:
    for leaf in leaves(made, 0, made.type.bits):
        value = memory.read(source.object, source.offset + leaf.offset, leaf.width)
        if isinstance(value, BitVec) and unset_name(value) is not None:
            # What was never set is nothing that a local variable's name would tell.
            value = var(made.unset_name(leaf.path), leaf.width)
        made.content[leaf.offset] = Cell(leaf.width, value)
    return Place(made, 0)


def _named(found: Mapping[Object, str], before: Mapping[str, str]) -> dict[Object, str]:
    """Names for objects, no two alike: their own where the run before has one of that name, or what it says there."""
    named: dict[Object, str] = {}
    known = set(before.values())
    for object_ in found:
        if object_.name in known and object_.name not in named.values():
            named[object_] = object_.name
    for object_, way in found.items():
        if object_ not in named:
            wanted = [before.get(way, object_.name), object_.name, f"{object_.name} (argument {way})"]
            named[object_] = next(each for each in wanted if each not in named.values())
    return {each: named[each] for each in found}


def _without_frames(refused: Refused) -> Refused:
    """A refusal that is kept: it would keep all that was computed where it was raised."""
    refused.__traceback__ = refused.__context__ = refused.__cause__ = None
    return refused


def _held(own: Object, memory: Memory) -> Iterator[Value]:
    """What a variable holds, but for what was never set."""
    for leaf in leaves(own, 0, own.type.bits):
        value = memory.read(own, leaf.offset, leaf.width)
        if not isinstance(value, BitVec) or unset_name(value) is None:
            yield value


def _pointer_text(pointer: Pointer) -> str:
    return " | ".join(f"{_target_text(target)} if {target.guard!r}" for target in pointer.targets)


def _target_text(target: Target) -> str:
    if target.place is not None:
        name = "a variable of its own" if is_own(target.place.object) else target.place.object.name
        return f"{name}+{target.place.position!r}"
    return target.function.name if target.function is not None else "null"
