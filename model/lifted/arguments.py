"""What a function of a tree is given: told by the names and types of its parameters, in whatever form they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmuproof.lift.c_types import IntType, PointerType, RecordType
from mmuproof.lift.machine.memory import Memory, Object, Place, Pointer, Value, pointer_to
from mmuproof.lift.machine.values import NULL, ObjectKind
from mmuproof.lift.syntax import Function, Variable
from mmuproof.model.kvm import NotThere
from mmuproof.smt.terms import BitVec, ne, resize, to_bv, var


@dataclass(frozen=True, kw_only=True)
class KnownArguments:
    """What there is to be given; see `mmuproof.model.lifted.session.Session.call`."""

    objects: Mapping[str, Pointer]
    values: Mapping[str, BitVec]
    pointers: Mapping[str, Pointer]
    records: Mapping[str, Place]

    def of(self, function: Function, memory: Memory) -> list[Value | Place]:
        """What each parameter of a function is.

        Raises:
            NotThere: a parameter that the function uses is none of what there is.
        """
        arguments: list[Value | Place] = []
        for parameter in function.parameters:
            argument = self._of(parameter)
            if argument is None and function.uses(parameter):
                argument = self._behind(parameter, memory)
                argument = self._gathered(parameter, function, memory) if argument is None else argument
            if argument is None and not function.uses(parameter):
                type_ = parameter.type
                argument = var(parameter.name, type_.bits) if isinstance(type_, IntType) else NULL
            if argument is None:
                known = dict.fromkeys([*self.values, *self.pointers, *self.objects, *self.records])
                raise NotThere([f"what the parameter {parameter.name} of {function.name}() is, of {', '.join(known)}"])
            arguments.append(argument)
        return arguments

    def give_back(self, function: Function, memory: Memory, result: Value | None) -> None:
        """Put a result where it belongs: behind the pointer whose number the function was given instead."""
        given = [each for each in function.parameters if self._is_behind(each)]
        type_ = function.result
        if len(given) == 1 and isinstance(result, BitVec) and isinstance(type_, IntType) and not type_.is_bool:
            place = only_place(self.pointers[given[0].name])
            if place is not None:
                width = given[0].type.bits
                memory.write(place.object, place.offset, width, resize(result, width))

    def _of(self, parameter: Variable) -> Value | Place | None:
        type_ = parameter.type
        if isinstance(type_, RecordType):
            return self.records.get(type_.name)
        if isinstance(type_, IntType):
            given = self.values.get(parameter.name)
            return None if given is None else _as_number(given, type_)
        target = type_.target if isinstance(type_, PointerType) else None
        found = self.pointers.get(parameter.name)
        if found is None and isinstance(target, RecordType):
            found = self.objects.get(target.name)
            place = self.records.get(target.name)
            if found is None and place is not None:
                return pointer_to(place.object, place.offset)
        return found

    def _is_behind(self, parameter: Variable) -> bool:
        return isinstance(parameter.type, IntType) and parameter.name in self.pointers

    def _behind(self, parameter: Variable, memory: Memory) -> Value | None:
        """The number behind a pointer, where a function takes the number itself."""
        place = only_place(self.pointers[parameter.name]) if self._is_behind(parameter) else None
        return None if place is None else memory.read(place.object, place.offset, parameter.type.bits)

    def _gathered(self, parameter: Variable, function: Function, memory: Memory) -> Pointer | Place | None:
        """A struct of what were parameters, if a parameter is one, or points to one: all members have their names."""
        type_, taken = parameter.type, {each.name for each in function.parameters}
        record = type_.target if isinstance(type_, PointerType) else type_
        if not isinstance(record, RecordType) or record.is_union or not record.members:
            return None
        if not record.members.keys() <= self.values.keys() - taken:
            return None
        is_pointer = isinstance(type_, PointerType)
        made = Object(name=parameter.name, type=record, kind=ObjectKind.INPUT, by_pointer=is_pointer)
        for name, each in record.members.items():
            memory.write(made, each.offset, each.width, resize(self.values[name], each.width))
        return pointer_to(made) if is_pointer else Place(made, 0)


def _as_number(given: BitVec, type_: IntType) -> BitVec:
    """A number as one of another type: a truth value is true for whatever is not zero."""
    return to_bv(ne(given, 0), type_.bits) if type_.is_bool and given.width > type_.bits else resize(given, type_.bits)


def only_place(pointer: Pointer) -> Place | None:
    """Where a pointer leads, if that is one place."""
    places = [each.place for each in pointer.targets]
    return places[0] if len(places) == 1 else None
