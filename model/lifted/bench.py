"""Code on a bench: a memory in which everything is free, and objects that calls get by the name of their struct."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from mmuproof.lift.c_types import PointerType, StructMember
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Place, Pointer, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.lifted.linked import NO_STATIC_CALLS
from mmuproof.model.lifted.session import Session, bit_field, own_member, place_of, pointee, read, read_member
from mmuproof.model.named import kvm_vcpu
from mmuproof.smt.terms import BitVec, Bool, ne, resize, to_bv


class Bench:
    """A session with a memory in which everything is free, and objects by the name of their struct.

    Args:
        unit: the code.
        cuts: the calls that are not followed.
        linked: other units, as in `Session`.
        static_calls: where static calls lead, as in `Session`.
        any_round: the functions in whose loops one round stands for all.
    """

    def __init__(
        self,
        unit: Unit,
        cuts: tuple[Cut, ...],
        *,
        linked: Sequence[Unit] = (),
        static_calls: Mapping[str, str] = NO_STATIC_CALLS,
        any_round: Set[str] = frozenset(),
    ) -> None:
        self.unit, self.memory = unit, Memory()
        self.session = Session(unit, cuts, linked=linked, static_calls=static_calls, any_round=any_round)
        self.objects: dict[str, Pointer] = {}

    def add(self, name: str, record: str) -> Object:
        """A free object, which calls get where they take a pointer to its struct."""
        made = Object(name=name, type=self.unit.record(record), kind=ObjectKind.INPUT, by_pointer=True)
        self.objects[record] = pointer_to(made)
        return made

    def place(self, owner: Object, path: str) -> StructMember:
        """Where a member is.

        Raises:
            NotThere: there is none.
        """
        return place_of(owner, path)

    def lend_vcpu(self, owner: Object) -> None:
        """Let calls get the vCPU that is a member of a vendor's struct."""
        self.objects[kvm_vcpu.STRUCT] = pointer_to(owner, self.place(owner, kvm_vcpu.IN_VENDORS).offset)

    def read(self, owner: Object, path: str, memory: Memory | None = None) -> BitVec:
        """What a member holds, now or in an earlier memory."""
        return read_member(memory or self.memory, owner, self.place(owner, path))

    def flag(self, owner: Object, path: str, name: str, memory: Memory | None = None) -> BitVec:
        """The same of a bit-field inside a member."""
        return read_member(memory or self.memory, owner, bit_field(self.place(owner, path), name))

    def write(self, owner: Object, path: str, value: BitVec | Pointer) -> None:
        """Give a member a value."""
        place = self.place(owner, path)
        wide = resize(value, place.width) if isinstance(value, BitVec) else value
        self.memory.write(owner, place.offset, place.width, wide)

    def pointee(self, owner: Object, path: str) -> Object:
        """The object that a pointer among the members leads to.

        Raises:
            Refused: it leads to several, or to none.
        """
        place = self.place(owner, path)
        pointer = self.memory.read(owner, place.offset, place.width)
        places = [each.place for each in pointer.targets if each.place] if isinstance(pointer, Pointer) else []
        if len(places) != 1:
            raise Refused(f"{owner.name}->{path} points to no one object")
        return places[0].object

    def inner(self, owner: Object, path: str, name: str) -> BitVec:
        """What a member of a struct holds that an object has, or that a pointer of it leads to.

        Args:
            owner: the object.
            path: the struct among its members, or the pointer.
            name: the member of the struct.

        Raises:
            NotThere: there is no such member.
            Refused: the pointer leads to several, or to none.
        """
        place = self.place(owner, path)
        if isinstance(place.type, PointerType):
            there, type_ = pointee(self.memory, owner, place), place.type.target
        else:
            there, type_ = Place(owner, place.offset), place.type
        member = own_member(type_, name)
        return read(self.memory, there.object, there.offset + member.offset, member.width)

    def setting(self, name: str) -> Bool:
        """A variable of type bool with static storage."""
        return ne(self.session.global_value(self.memory, name), 0)

    def set(self, name: str, value: Bool) -> None:
        """Give such a variable a value."""
        object_ = self.session.global_object(name)
        self.memory.write(object_, 0, object_.type.bits, to_bv(value, object_.type.bits))

    def call(self, name: str, **values: BitVec) -> None:
        """Call a function with the objects and values for its parameters."""
        self.session.call(self.memory, name, objects=self.objects, values=values)

    def integer(self, name: str, pointers: Mapping[str, Pointer] | None = None, **values: BitVec) -> BitVec:
        """The same for a function that returns an integer."""
        return self.session.integer(self.memory, name, objects=self.objects, values=values, pointers=pointers)
