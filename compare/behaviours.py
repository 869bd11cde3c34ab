"""What one version of a function does: run on free inputs, with everything that somebody else could see of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from mmuproof.compare.cuts import OPAQUE
from mmuproof.lift.c_types import ArrayType, CType, FunctionType, IntType, Leaf, PointerType, RecordType, VoidType
from mmuproof.lift.errors import LiftError, Refused
from mmuproof.lift.machine.comparing_machine import ComparingMachine
from mmuproof.lift.machine.definitions import Definitions
from mmuproof.lift.machine.findings import CheckKind
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Place, Pointer, Target, Value
from mmuproof.lift.machine.opaque_calls import CallResults, OpaqueCall
from mmuproof.lift.machine.reached import Argument, scalars_of
from mmuproof.lift.machine.values import leaves, null_condition
from mmuproof.lift.syntax import Function, Variable
from mmuproof.model.evidence import Check, Evidence, Step
from mmuproof.smt.graph import postorder, variables_among
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, Term, any_of, negate, resize, var

_PARTS = re.compile(r"(?:->|\.)?[^-.\[]+|\[\d+\]")
_PLAIN = re.compile(r"^(?:const |volatile )*(?:struct |union )")
SETTLED = "shadow_"
"""What the names of variables with static storage begin with that are set up once: the masks of SPTEs."""


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What a run of a function shows.

    Args:
        function: the function.
        result: what it returns; None for nothing.
        memory: what it leaves behind.
        calls: the calls that it makes and that are not followed.
        warns: when a WARN fires.
        stops: when a BUG fires.
        undefined: when something is undefined in C.
        beyond: when a pointer from outside is followed beyond the one object that it is known to lead to; that is
            among what is taken for undefined.
        evidence: how all that came about.
        given_up: the functions that could not be followed, with the reason.
        words: the unions among its inputs, by the names of their variables.
        roots: the type of what a name begins with: a parameter, a variable with static storage, a call's result.
        parameters: what the parameters are called in names.
        tells_apart: whether it compares pointers that lead to different objects, as far as these do not overlap.
    """

    function: Function
    result: Value | Place | None
    memory: Memory = field(repr=False)
    calls: tuple[OpaqueCall, ...] = field(repr=False)
    warns: Bool = field(repr=False)
    stops: Bool = field(repr=False)
    undefined: Bool = field(repr=False)
    beyond: Bool = field(repr=False)
    evidence: Evidence = field(repr=False)
    given_up: Mapping[str, Refused] = field(repr=False)
    words: Mapping[str, RecordType] = field(repr=False)
    roots: Callable[[str], CType | None] = field(repr=False)
    parameters: tuple[str, ...] = ()
    tells_apart: bool = False

    @cached_property
    def variables(self) -> Mapping[str, Term]:
        """The free inputs, and the unknown results of calls, that what it shows depends on, by name."""
        return variables_among(self.order)

    @cached_property
    def order(self) -> Sequence[Term]:
        """Every node of what it shows, arguments before the nodes that use them."""
        return postorder(self.shown)

    @cached_property
    def shown(self) -> tuple[Term, ...]:
        """All terms that somebody else can see."""
        return tuple(self._terms())

    @cached_property
    def written(self) -> tuple[str, ...]:
        """The names of all places outside that it writes, in a fixed order."""
        return tuple(dict.fromkeys(object_.path(leaf.path) for _, object_, leaf in self.places_written()))

    def places_written(self) -> Iterator[tuple[Memory, Object, Leaf]]:
        """The places outside that it writes, in what it leaves behind and in what each call finds."""
        for memory in (self.memory, *(call.memory for call in self.calls)):
            for object_ in memory.changed:
                if object_.kind is ObjectKind.INPUT:
                    for offset, width in memory.written(object_):
                        for leaf in leaves(object_, offset, width):
                            yield memory, object_, leaf

    def has(self, path: str) -> bool:
        """Whether there is such a place in this version, whether the function looks at it or not."""
        parent, _, last = path.rpartition(".")
        # A union of several words has no members of such names.
        word = last.startswith("word") and isinstance(union := self.type_at(parent), RecordType) and union.is_union
        return word or self.type_at(path) is not None

    def type_at(self, path: str) -> CType | None:
        """The type of a place, whether the function looks at it or not; None if there is none in this version."""
        head, *parts = _PARTS.findall(path.lstrip("*"))
        type_ = self.roots(head)
        for part in parts:
            if part.startswith("["):
                known = isinstance(type_, ArrayType) and int(part[1:-1]) < type_.count
                type_ = type_.element if known and isinstance(type_, ArrayType) else None
                continue
            if part.startswith("->"):
                type_ = type_.target if isinstance(type_, PointerType) else None
            member = type_.members.get(part.lstrip("->.")) if isinstance(type_, RecordType) else None
            type_ = None if member is None else member.type
        return type_

    def owner(self, path: str) -> tuple[str, str] | None:
        """The struct and the member that a place is; no struct for a parameter, None if that is not known."""
        head, *parts = _PARTS.findall(path.lstrip("*"))
        if not parts:
            return ("", head) if any(each == head for each in self.parameters) else None
        type_ = self.roots(head)
        found: tuple[str, str] | None = None
        for part in parts:
            if part.startswith("["):
                type_ = type_.element if isinstance(type_, ArrayType) else None
                continue
            if part.startswith("->"):
                type_ = type_.target if isinstance(type_, PointerType) else None
            if not isinstance(type_, RecordType):
                return None
            name = part.lstrip("->.")
            member = type_.members.get(name)
            if member is None:
                return None
            found, type_ = (_PLAIN.sub("", type_.name), name), member.type
        return found

    def _terms(self) -> Iterator[Term]:
        yield from (self.warns, self.stops, self.undefined)
        yield from _in_value(self.result)
        memories = [self.memory]
        for call in self.calls:
            yield call.guard
            for argument in call.arguments:
                yield from _in_value(argument)
            memories.append(call.memory)
        for memory in memories:
            for object_ in memory.changed:
                for offset, width in memory.written(object_):
                    yield from _in_value(memory.read(object_, offset, width))
                    for leaf in leaves(object_, offset, width):
                        # Of a word of bit-fields all is compared, what has not been written as well.
                        if leaf.union is not None:
                            yield from _in_value(memory.read(object_, leaf.offset, leaf.width))


def _in_value(value: Argument) -> Iterator[Term]:
    if isinstance(value, Place):
        for scalar in scalars_of(value):
            yield from _in_value(scalar)
    elif isinstance(value, BitVec):
        yield value
    elif isinstance(value, Pointer):
        for target in value.targets:
            yield target.guard
            if target.address is not None:
                yield target.address
            if target.place is not None:
                yield from (dimension.index for dimension in target.place.dimensions)


def behaviour(
    definitions: Definitions,
    function: Function,
    answers: CallResults,
    *,
    never: frozenset[str] = frozenset(),
    names: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    numbers: Mapping[str, Sequence[int]] | None = None,
    before: Sequence[OpaqueCall] = (),
    called: Callable[[str], Sequence[str]] = lambda _: (),
    by_value: Collection[str] = (),
    settled: Collection[str] = (),
    only_reads: Callable[[str], bool] = lambda _: False,
) -> Behaviour:
    """Run a function on free inputs.

    Args:
        definitions: where it finds the functions that it calls.
        function: what is run.
        answers: shared with the run that it is compared with.
        never: functions that are not followed.
        names: what functions are called in names, where that is not by their own.
        parameters: likewise for the function's parameters.
        numbers: for which of the calls of a function each of them is taken, where that is not their order in the text.
        before: the calls of the run that it is compared with, whose names for what they can reach are taken over.
        called: what the parameters of functions that it calls are called.
        by_value: the parameters, by their names in the comparison, that the other version takes by value; a pointer
            leads to what that is, and no call changes it.
        settled: further variables with static storage that are set up once.
        only_reads: whether a function that is not followed is known to change nothing, by its name in names.

    Raises:
        Refused: something in the function itself is not understood, or a parameter has a type that cannot be free.
    """
    machine = ComparingMachine(
        definitions,
        opaque=replace(OPAQUE, never=never, only_reads=only_reads),
        answers=answers,
        is_settled=lambda name: name.startswith(SETTLED) or name in settled,
        names=names,
        numbers=numbers,
        before=before,
        parameters=called,
    )
    memory = Memory()
    arguments = [
        _free(each, name, machine.words, function, by_value=name in by_value)
        for each in function.parameters
        for name in [(parameters or {}).get(each.name, each.name)]
    ]
    result = machine.run(function, arguments, memory)
    known: dict[str, CType] = {}
    for each in function.parameters:
        name, type_ = (parameters or {}).get(each.name, each.name), each.type
        known[name] = type_.target if name in by_value and isinstance(type_, PointerType) else type_
    known |= machine.results

    def root(name: str) -> CType | None:
        try:
            return known.get(name) or definitions.variable(name).type
        except LiftError:
            return None

    checks = tuple(Check(c.kind, str(c.at), c.holds, c.function) for c in machine.checks)
    return Behaviour(
        function=function,
        result=result,
        memory=memory,
        calls=tuple(machine.opaque_calls),
        warns=_broken(checks, CheckKind.WARN),
        stops=_broken(checks, CheckKind.BUG),
        undefined=any_of(FALSE, *(negate(each.holds) for each in checks if not each.kind.is_stated)),
        beyond=any_of(FALSE, *machine.beyond),
        evidence=Evidence(checks, tuple(Step(str(s.at), s.target, s.guard, s.value) for s in machine.steps)),
        given_up=machine.given_up,
        words=machine.words,
        roots=root,
        parameters=tuple((parameters or {}).get(each.name, each.name) for each in function.parameters),
        tells_apart=machine.tells_apart,
    )


def _broken(checks: Sequence[Check], kind: CheckKind) -> Bool:
    return any_of(FALSE, *(negate(each.holds) for each in checks if each.kind is kind))


def _free(
    parameter: Variable, name: str, words: dict[str, RecordType], function: Function, *, by_value: bool
) -> Value | Place:
    """A free value for a parameter."""
    type_ = parameter.type
    if isinstance(type_, IntType):
        return resize(var(name, type_.value_bits), type_.bits)
    if isinstance(type_, RecordType):
        return Place(Object(name=name, type=type_, kind=ObjectKind.INPUT, words=words), 0)
    target = type_.target if isinstance(type_, PointerType) else None
    if target is None or isinstance(target, VoidType | FunctionType) or not target.bits:
        at = str(function.location)
        raise Refused(f"its parameter {parameter.name} is a {type_.name}, and may lead to anything", at)
    if by_value:
        there = Place(Object(name=name, type=target, kind=ObjectKind.INPUT, words=words, settled=True), 0)
        return Pointer((Target(guard=TRUE, place=there),))
    null = null_condition(name)
    there = Place(Object(name=name, type=target, kind=ObjectKind.INPUT, by_pointer=True, words=words), 0)
    return Pointer((Target(guard=null), Target(guard=negate(null), place=there)))
