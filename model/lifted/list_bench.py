"""A bench on which there is a list of SPTEs: put into memory, and read from it again.

What a list's head holds is a number: the address of the only SPTE, or that of a descriptor with a tag in its lowest
bit. The addresses are those of objects that are known here, so that a number is found to be one of them, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mmuproof.lift.c_types import ArrayType, IntType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.conversions import address
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import (
    NULL,
    Dimension,
    Object,
    ObjectKind,
    Place,
    Pointer,
    Target,
    Value,
    choose,
    pointer_to,
)
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.lift.syntax import Location
from mmuproof.model.cuts import spte_lists as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.session import own_member
from mmuproof.model.named import kvm_memory_slot, kvm_mmu_page, kvm_vm, pte_list
from mmuproof.model.spte_lists import (
    ALONE,
    ASKED,
    CHOICES,
    ONE,
    PAGE_BITS,
    SPTES,
    ListChange,
    ListShape,
    SpteDescriptor,
    SpteList,
    any_list,
    place_name,
    spte_address,
    spte_choice,
)
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bit, bv, ite, negate, resize, ult, zext

_WORD = IntType(64, False, "unsigned long")
_TAG, _ALIGNED = 1, 3
"""By KVM's comment at the tag: the lowest bit of a head tells that it leads to a descriptor.

Memory for one is aligned to 8 bytes.
"""
_HERE = Location("model/lifted/list_bench.py", 1)


@dataclass(frozen=True)
class Way:
    """Where a pointer leads: to which descriptors, each under a condition, and when to something else."""

    at: dict[Object, Bool]
    astray: Bool


def way_of(pointer: Pointer, where: Bool, descriptors: Sequence[Object]) -> Way:
    """Where a pointer leads, where a condition holds."""
    at, astray = dict.fromkeys(descriptors, FALSE), FALSE
    for target in pointer.targets:
        here, place = all_of(where, target.guard), target.place
        if place is not None and place.object in at and not place.offset and not place.dimensions:
            at[place.object] = any_of(at[place.object], here)
        elif not target.is_null:
            astray = any_of(astray, here)
    return Way(at, astray)


def number_of(pointer: Pointer) -> BitVec:
    """The address of what a pointer leads to."""
    return address(pointer, _WORD, _HERE)


class ListBench(Bench):
    """A bench with a list of a shape.

    Args:
        unit: the code.
        shape: how long the list is.
        of_parents: whether it is that of a page's parents; else it is that of what maps a frame.
    """

    def __init__(self, unit: Unit, shape: ListShape, *, of_parents: bool = False) -> None:
        known: dict[Cut, Value | Callable[[Sequence[Value | None]], Value]] = {
            cuts.TAKE: self._take,
            cuts.PRESENT: bv(1, 8),
        }
        super().__init__(unit, tuple(replace(each, gives=known.get(each, each.gives)) for each in cuts.CUTS))
        self._record = unit.record(kvm_memory_slot.PTE_LIST)
        self._notes_behind = pte_list.TAIL_COUNT in self._record.members
        self._sptes = _sptes()
        self._taken: list[Object] = []
        for name, record in (("kvm", kvm_vm.STRUCT), ("cache", kvm_vm.CACHE)):
            self.add(name, record)
        if of_parents:
            self._head, self._val = self.add("sp", kvm_mmu_page.STRUCT), f"{kvm_mmu_page.PARENT_PTES}.{pte_list.VAL}"
        else:
            self._head, self._val = self.add("rmap_head", kvm_memory_slot.RMAP_HEAD), pte_list.VAL
        self.descriptors = [
            Object(
                name=f"descriptor {number}", type=self._record, kind=ObjectKind.INPUT, by_pointer=True, aligned=_ALIGNED
            )
            for number in range(1, shape.descriptors + 1)
        ]
        self.list = any_list(shape, self._capacity, self._notes_behind)
        self._put(shape)

    def _take(self, _: Sequence[Value | None]) -> Value:
        """A new descriptor."""
        name = f"new descriptor {len(self._taken) + 1}"
        self._taken.append(
            Object(name=name, type=self._record, kind=ObjectKind.ZERO, by_pointer=True, aligned=_ALIGNED)
        )
        return pointer_to(self._taken[-1])

    @property
    def _capacity(self) -> int:
        array = own_member(self._record, pte_list.SPTES).type
        if not isinstance(array, ArrayType):
            raise Refused(f"{pte_list.SPTES} of a descriptor is no array")
        return array.count

    # -- what is put into memory ------------------------------------------------------------------

    def spte(self, name: str) -> Pointer:
        """A pointer to an SPTE, by the name of the choice."""
        index = Dimension(index=zext(spte_choice(name), 64), stride=64, count=CHOICES)
        return Pointer((Target(guard=TRUE, place=Place(self._sptes, 0, (index,))),))

    def _put(self, shape: ListShape) -> None:
        for number, (object_, said) in enumerate(zip(self.descriptors, self.list.descriptors, strict=True), 1):
            for place in range(self._capacity):
                held = choose(ult(bv(place, 32), said.count), self.spte(place_name(number, place)), NULL)
                self.write(object_, f"{pte_list.SPTES}[{place}]", held)
            is_last = number == len(self.descriptors)
            self.write(object_, pte_list.MORE, NULL if is_last else pointer_to(self.descriptors[number]))
            self.write(object_, pte_list.SPTE_COUNT, said.count)
            if said.behind is not None:
                self.write(object_, pte_list.TAIL_COUNT, said.behind)
        head = bv(0, 64)
        if self.descriptors:
            head = self._noted(pointer_to(self.descriptors[0])) | _TAG
        elif shape == ONE:
            head = self._noted(self.spte(ALONE))
        self.write(self._head, self._val, head)

    def _noted(self, pointer: Pointer) -> BitVec:
        """The address of something, by which it is found again."""
        self.session.machine.addresses.note(pointer, _HERE)
        return number_of(pointer)

    # -- what memory holds ------------------------------------------------------------------------

    def change(self, answer: BitVec) -> ListChange:
        """What has become of the list."""
        taken = self.session.calls(cuts.TAKE.function)
        if len(taken) != len(self._taken):
            raise Refused("a descriptor is taken in a call that is given up")
        after, linked = self._found()
        leaked, stale = FALSE, FALSE
        there = [*((each, TRUE) for each in self.descriptors)]
        there += [(object_, call.guard) for object_, call in zip(self._taken, taken, strict=True)]
        for object_, has in there:
            gone, again = self._given_back(object_)
            leaked = any_of(leaked, all_of(has, negate(linked[object_]), negate(gone)))
            stale = any_of(stale, again, all_of(linked[object_], gone))
        return ListChange(
            before=self.list,
            after=after,
            spte=spte_address(ASKED),
            answer=answer,
            leaked=leaked,
            stale=stale,
            evidence=self.session.evidence(),
        )

    def _found(self) -> tuple[SpteList, dict[Object, Bool]]:
        """The list that memory holds, and which descriptors are on it."""
        objects, head = [*self.descriptors, *self._taken], self.read(self._head, self._val)
        many = bit(head, 0)
        first = Pointer((Target(guard=TRUE, address=head & ~_TAG),))
        way = way_of(self.session.machine.addresses.found(first), many, objects)
        descriptors, linked = [], dict.fromkeys(objects, FALSE)
        # A tag and nothing else leads nowhere.
        broken = all_of(many, negate(any_of(*way.at.values())))
        for _ in objects:
            descriptors.append(self._descriptor(way))
            linked = {each: any_of(linked[each], here) for each, here in way.at.items()}
            way = self._behind(way)
            broken = any_of(broken, way.astray)
        return SpteList(ite(many, bv(0, 64), head), tuple(descriptors), any_of(broken, *way.at.values())), linked

    def _behind(self, way: Way) -> Way:
        """Where the descriptors lead to which a way does."""
        ways = [way_of(self.pointer(each, pte_list.MORE), here, list(way.at)) for each, here in way.at.items()]
        at = {each: any_of(*(one.at[each] for one in ways)) for each in way.at}
        return Way(at, any_of(*(one.astray for one in ways)))

    def _descriptor(self, way: Way) -> SpteDescriptor:
        """The descriptor to which a way leads; all is 0 of none."""

        def held(read: Callable[[Object], BitVec], width: int) -> BitVec:
            found = bv(0, width)
            for object_, here in way.at.items():
                if here is not FALSE:
                    found = ite(here, resize(read(object_), width), found)
            return found

        counts = partial(self.read, path=pte_list.SPTE_COUNT), partial(self.read, path=pte_list.TAIL_COUNT)
        return SpteDescriptor(
            linked=any_of(*way.at.values()),
            sptes=tuple(held(partial(self._spte_at, place), 64) for place in range(self._capacity)),
            count=held(counts[0], 32),
            behind=held(counts[1], 32) if self._notes_behind else None,
        )

    def _spte_at(self, place: int, descriptor: Object) -> BitVec:
        return number_of(self.pointer(descriptor, f"{pte_list.SPTES}[{place}]"))

    def pointer(self, owner: Object, path: str) -> Pointer:
        """The pointer that a member is.

        Raises:
            Refused: it is none.
        """
        place = self.place(owner, path)
        pointer = as_pointer(self.memory.read(owner, place.offset, place.width))
        if pointer is None:
            raise Refused(f"{path} of {owner.name} holds a number")
        return pointer

    def _given_back(self, descriptor: Object) -> tuple[Bool, Bool]:
        """Whether a descriptor is given back, and whether it is so twice."""
        gone, again = FALSE, FALSE
        for call in self.session.calls(cuts.GIVE_BACK.function):
            (pointer,) = (each for each in call.arguments if isinstance(each, Pointer))
            here = all_of(call.guard, way_of(pointer, TRUE, [descriptor]).at[descriptor])
            gone, again = any_of(gone, here), any_of(again, all_of(gone, here))
        return gone, again


def _sptes() -> Object:
    """The page of SPTEs, any of which may be on a list."""
    array = ArrayType(IntType(64, False, "u64"), CHOICES, f"u64[{CHOICES}]")
    return Object(name=SPTES, type=array, kind=ObjectKind.INPUT, aligned=PAGE_BITS)
