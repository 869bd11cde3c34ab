"""Calling the kernel's functions: arguments by type and name, members by name, evidence collected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from contextlib import suppress

from mmuproof.lift.c_types import CType, PointerType, RecordType, StructMember, member_at, members_named
from mmuproof.lift.errors import Missing, Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.definitions import Definitions
from mmuproof.lift.machine.findings import CallMade, RoundMade
from mmuproof.lift.machine.machine import Machine
from mmuproof.lift.machine.memory import Memory, Object, Place, Pointer, Value
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.evidence import Check, CutCall, Evidence, Step
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.arguments import KnownArguments, only_place
from mmuproof.model.lifted.linked import NO_STATIC_CALLS, Linked
from mmuproof.smt.terms import BitVec, Bool, any_of, ne, var

_MOST_BY_VALUE = 64
"""Bits of a struct that is a number where it is passed by value."""


class Session:
    """One series of calls into a translation unit.

    Args:
        unit: the translation unit.
        cuts: the calls that are not followed; those of ``earlier`` if None.
        earlier: a session of the same unit whose objects with static storage this one shares.
        linked: other units, in which functions are found that the unit only declares.
        static_calls: where static calls lead that are followed, as in `Linked`.
        any_round: the functions in whose loops one round stands for all.
        goes_back: the functions in which a path ends that jumps backwards or begins another round of a ``do``.
    """

    def __init__(
        self,
        unit: Unit,
        cuts: tuple[Cut, ...] | None,
        earlier: Session | None = None,
        *,
        linked: Sequence[Unit] = (),
        static_calls: Mapping[str, str] = NO_STATIC_CALLS,
        any_round: Set[str] = frozenset(),
        goes_back: Set[str] = frozenset(),
    ) -> None:
        self.unit = unit
        definitions = Linked(unit, *linked, static_calls=static_calls) if linked or static_calls else unit
        known = None if cuts is None else fitting(definitions, cuts)
        names = () if cuts is None else tuple(dict.fromkeys(cut.function for cut in cuts))
        self._gone: tuple[str, ...] = (*unit.gone(names), *(() if earlier is None else earlier._gone))
        self.machine: Machine = (
            Machine(definitions, known or (), any_round=any_round, goes_back=goes_back)
            if earlier is None
            else earlier.machine.successor(known)
        )

    def call(
        self,
        memory: Memory,
        names: str | Sequence[str],
        *,
        objects: Mapping[str, Pointer],
        values: Mapping[str, BitVec] | None = None,
        pointers: Mapping[str, Pointer] | None = None,
        records: Mapping[str, Place] | None = None,
    ) -> Value | None:
        """Call the first of the named functions that the tree defines; ``memory`` is changed.

        Args:
            memory: the state before and, afterwards, after the call.
            names: the function's name, or its names over time.
            objects: pointers to structs, by the struct's name: kernels rename parameters.
            values: integers by parameter; a parameter may be listed under several names, and may be a member of a
                struct that is made of them.
            pointers: pointers to other things, by parameter; a function may take the number behind one, and give back
                what it is to be.
            records: where the structs and unions are that are passed by value, by their names.

        Raises:
            NotThere: none of the functions is defined, a parameter that it uses is none of those given, or what it
                does is refused, and a function that is not followed is gone.
        """
        try:
            function = self.unit.function(*([names] if isinstance(names, str) else names))
        except Missing as missing:
            raise NotThere(missing.names) from None
        known = KnownArguments(objects=objects, values=values or {}, pointers=pointers or {}, records=records or {})
        try:
            result = self.machine.run(function, known.of(function, memory), memory)
        except Refused as error:
            if not self._gone:
                raise
            # What was to be refused inside of them stands elsewhere now, and was followed.
            raise NotThere([f"{name}()" for name in self._gone]) from error
        if isinstance(result, Place):
            raise Refused(f"{function.name}() returns a struct", str(function.location))
        known.give_back(function, memory, result)
        return result

    def integer(
        self,
        memory: Memory,
        names: str | Sequence[str],
        *,
        objects: Mapping[str, Pointer],
        values: Mapping[str, BitVec] | None = None,
        pointers: Mapping[str, Pointer] | None = None,
        records: Mapping[str, Place] | None = None,
    ) -> BitVec:
        """The same for a function that returns an integer."""
        result = self.call(memory, names, objects=objects, values=values, pointers=pointers, records=records)
        if not isinstance(result, BitVec):
            raise Refused(f"{names} does not return an integer")
        return result

    def parameter_record(self, name: str, *candidates: str) -> str:
        """Which of the candidate structs a function takes by pointer.

        Raises:
            NotThere: the function is not defined, or takes none of them.
        """
        try:
            function = self.unit.function(name)
        except Missing as missing:
            raise NotThere(missing.names) from None
        for parameter in function.parameters:
            target = parameter.type.target if isinstance(parameter.type, PointerType) else None
            if isinstance(target, RecordType) and target.name in candidates:
                return target.name
        raise NotThere([f"{name}({' or '.join(candidates)} *)"])

    def global_value(self, memory: Memory, *names: str) -> BitVec:
        """What the first variable with static storage that the tree declares holds.

        Raises:
            NotThere: none of them is declared.
        """
        for name in names:
            if self.unit.has_variable(name):
                variable = self.unit.variable(name)
                value = memory.read(self.machine.global_object(variable), 0, variable.type.bits)
                if isinstance(value, BitVec):
                    return value
        raise NotThere(names)

    def global_object(self, name: str) -> Object:
        """The object of a variable with static storage.

        Raises:
            NotThere: it is not declared.
        """
        if not self.unit.has_variable(name):
            raise NotThere([name])
        return self.machine.global_object(self.unit.variable(name))

    def evidence(self) -> Evidence:
        """What this session has seen so far."""
        return Evidence(
            tuple(Check(c.kind, str(c.at), c.holds, c.function) for c in self.machine.checks),
            tuple(Step(str(s.at), s.target, s.guard, s.value) for s in self.machine.steps),
            tuple(CutCall(c.cut.function, str(c.at), c.cut.reason, c.unchecked) for c in self.machine.cut_calls),
            self._gone,
        )

    def argument(self, call: CallMade, *names: str) -> BitVec:
        """What a call gives for the parameter that has the first of these names, as wide as it is.

        Raises:
            NotThere: the function has no such parameter.
            Refused: it is no number.
        """
        return argument(self.unit, call, *names)

    def pointer_argument(self, call: CallMade, *names: str) -> Pointer:
        """The same of a pointer.

        Raises:
            NotThere: the function has no such parameter.
            Refused: it is none.
        """
        value = _given(self.unit, call, names)
        if not isinstance(value, Pointer):
            raise Refused(f"{call.function}() is given no pointer for {' or '.join(names)}", str(call.at))
        return value

    def calls(self, *functions: str) -> tuple[CallMade, ...]:
        """The calls of these functions that were not followed."""
        return tuple(call for call in self.machine.calls_made if call.function in functions)

    def only_call(self, *functions: str) -> CallMade:
        """The one call of these functions that was not followed.

        Raises:
            Refused: there is none, or several.
        """
        calls = self.calls(*functions)
        if len(calls) != 1:
            at = str(calls[1].at) if calls else self.unit.path
            raise Refused(f"{'() or '.join(functions)}() is called {len(calls)} times where once is meant", at)
        return calls[0]

    def says(self, function: str) -> Bool:
        """Whether what the first call of a function answers is not zero; unknown where it is not called."""
        name = f"{function}()"
        bits = next((call.bits for call in self.machine.calls_made if call.tag == name), 1)
        return ne(var(name, bits), 0)

    def called(self, *functions: str) -> Bool:
        """Whether one of these functions is called, of those that are not followed."""
        return any_of(*(call.guard for call in self.calls(*functions)))

    def round(self, function: str) -> RoundMade:
        """The one loop of a function, of which one round has stood for all.

        Raises:
            Refused: it has several, or none.
        """
        (made,) = self.rounds(function, 1)
        return made

    def rounds(self, function: str, count: int) -> tuple[RoundMade, ...]:
        """The loops of a function, in their order, of which one round each has stood for all.

        Raises:
            Refused: it has not so many.
        """
        made = tuple(each for each in self.machine.rounds_made if each.function == function and not each.label)
        if len(made) != count:
            raise Refused(f"{function}() has {len(made)} loops where {count} are meant")
        return made

    def begun_anew(self, function: str) -> RoundMade | None:
        """The round of a function's loop that goes back to its own beginning; None if none does.

        Raises:
            Refused: several loops do.
        """
        made = [each for each in self.machine.rounds_made if each.function == function and each.label]
        if len(made) > 1:
            raise Refused(f"{function}() goes back to the beginning of {len(made)} rounds")
        return made[0] if made else None


def argument(unit: Unit, call: CallMade, *names: str) -> BitVec:
    """See `Session.argument`; of a call that a unit makes, or of a function that it declares."""
    value = _given(unit, call, names)
    if isinstance(value, Pointer):
        value = _pointed_to(call, value)
    if not isinstance(value, BitVec):
        raise Refused(f"{call.function}() is given no number for {' or '.join(names)}", str(call.at))
    return value


def _pointed_to(call: CallMade, pointer: Pointer) -> BitVec | None:
    """What a struct holds that a call is given by pointer, where others are given it by value; None if none is."""
    places = [each.place for each in pointer.targets if each.place is not None]
    if call.memory is None or len(pointer.targets) != 1 or len(places) != 1 or places[0].dimensions:
        return None
    (place,) = places
    whole = place.object.type
    inside = whole.members.values() if isinstance(whole, RecordType) else ()
    held = next((each.type for each in inside if each.offset == place.offset), None)
    if not isinstance(held, RecordType) or held.bits > _MOST_BY_VALUE:
        return None
    return read(call.memory, place.object, place.offset, held.bits)


def _given(unit: Unit, call: CallMade, names: Sequence[str]) -> Value | None:
    has = unit.parameter_names(call.function)
    position = next((has.index(name) for name in names if name in has), None)
    if position is None:
        for name in names:
            found = _in_struct(call, name)
            if found is not None:
                return found
        raise NotThere([f"a parameter {' or '.join(names)} of {call.function}(), which has {', '.join(has)}"])
    return call.arguments[position]


def _in_struct(call: CallMade, name: str) -> Value | None:
    """A member of the one struct that a watched call is given by pointer and that has a member of a name."""
    found = []
    for argument_ in call.arguments if call.memory is not None else ():
        place = only_place(argument_) if isinstance(argument_, Pointer) else None
        record = None if place is None or place.dimensions or place.offset else place.object.type
        if place is not None and isinstance(record, RecordType) and name in record.members:
            found.append((place.object, record.members[name]))
    if len(found) != 1 or call.memory is None:
        return None
    (object_, held) = found[0]
    return call.memory.read(object_, held.offset, held.width)


def fitting(definitions: Definitions, cuts: Sequence[Cut]) -> tuple[Cut, ...]:
    """Of the cuts for one function the first whose written arguments the tree's function has; the last if none fits."""
    by_name: dict[str, Cut] = {}
    for cut in cuts:
        former = by_name.get(cut.function)
        if former is None or (former != cut and not _fits(definitions, former)):
            by_name[cut.function] = cut
    return tuple(by_name.values())


def _fits(definitions: Definitions, cut: Cut) -> bool:
    function = definitions.find_function(cut.function)
    if function is None:
        return True
    for position, path in cut.writes:
        type_ = function.parameters[position].type if position < len(function.parameters) else None
        if not isinstance(type_, PointerType):
            return False
        target = type_.target
        if path not in ("", "*") and not (isinstance(target, RecordType) and has_member(target, path.split("|"))):
            return False
    return True


def has_member(record: RecordType, paths: Sequence[str]) -> bool:
    """Whether a struct has a member at one of some dotted paths."""
    for path in paths:
        with suppress(KeyError):
            member_at(record, path)
            return True
    return False


def member(type_: RecordType, *names: str) -> StructMember:
    """The one member that has the first of these names anywhere inside the record.

    Raises:
        NotThere: no member has one of the names.
        Refused: several have it.
    """
    for name in names:
        found = list(members_named(type_, name))
        if len(found) > 1:
            raise Refused(f"{type_.name} has several members {name}")
        if found:
            return found[0]
    raise NotThere([f"{type_.name}.{' or '.join(names)}"])


def own_member(type_: CType, path: str) -> StructMember:
    """The member of a struct at a dotted path.

    Raises:
        NotThere: there is none.
    """
    try:
        if isinstance(type_, RecordType):
            return member_at(type_, path)
    except KeyError:
        pass
    raise NotThere([f"{type_.name}.{path}"])


def bit_fields(type_: CType, offset: int = 0) -> dict[str, StructMember]:
    """Every bit-field inside a record by name, with its place from the record's start."""
    found: dict[str, StructMember] = {}
    if isinstance(type_, RecordType):
        for each in type_.fields:
            if each.bit_width is not None:
                if each.name:
                    found[each.name] = StructMember(each.name, offset + each.offset, each.type, each.bit_width)
            else:
                found.update(bit_fields(each.type, offset + each.offset))
    return found


def place_of(owner: Object, path: str) -> StructMember:
    """Where a member of an object is, at a dotted path.

    Raises:
        NotThere: there is none.
    """
    return own_member(owner.type, path)


def bit_field(whole: StructMember, name: str) -> StructMember:
    """The bit-field of a name inside a member, counted from where that one is.

    Raises:
        NotThere: it has none.
    """
    found = bit_fields(whole.type, whole.offset)
    if name not in found:
        raise NotThere([f"{whole.type.name}.{name}"])
    return found[name]


def read(memory: Memory, object_: Object, offset: int, width: int) -> BitVec:
    """An integer in memory.

    Raises:
        Refused: there is a pointer.
    """
    value = memory.read(object_, offset, width)
    if isinstance(value, Pointer):
        raise Refused(f"{object_.name}: a pointer where a number is meant")
    return value


def read_member(memory: Memory, object_: Object, place: StructMember) -> BitVec:
    """The integer in a member; see `read`."""
    return read(memory, object_, place.offset, place.width)


def pointee(memory: Memory, object_: Object, place: StructMember) -> Place:
    """Where a pointer in memory leads, if it is not null.

    Raises:
        Refused: there is no pointer, or it may lead to several objects.
    """
    pointer = as_pointer(memory.read(object_, place.offset, place.width))
    places = [target.place for target in pointer.targets if target.place is not None] if pointer is not None else []
    if len(places) != 1:
        raise Refused(f"{object_.name}: {place.name} does not lead to one object")
    return places[0]
