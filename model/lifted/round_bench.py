"""A bench for the loops that map a page: any one round of each, and what is done to the entry of its walk."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.lift.c_types import PointerType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade, RoundMade
from mmuproof.lift.machine.memory import Memory, Object, Pointer, input_pointer, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import map_rounds as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.changes import differ
from mmuproof.model.lifted.session import read
from mmuproof.model.lifted.variables import variable_of
from mmuproof.model.map_rounds import Deed
from mmuproof.model.named import kvm_page_fault, kvm_vcpu, shadow_iterator, tdp_iter
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bv, eq, ite, ne, negate, zext

_INDEX_BITS = 9
NOTHING_DONE = Deed(when=FALSE, level=bv(0, 32), goal_level=bv(0, 8), spte=bv(0, 64), elsewhere=FALSE, unadjusted=FALSE)
_OF_FAULT = (
    kvm_page_fault.ADDR,
    kvm_page_fault.GFN,
    kvm_page_fault.EXEC,
    kvm_page_fault.WRITE,
    kvm_page_fault.USER,
    kvm_page_fault.MAP_WRITABLE,
    kvm_page_fault.SLOT,
)
"""What stays as it is while a fault is mapped."""


class RoundBench(Bench):
    """A bench for a function whose loops are run for any one round.

    Args:
        unit: the code.
        known: the calls that are not followed.
        function: the function.
    """

    def __init__(self, unit: Unit, known: tuple[Cut, ...], function: str) -> None:
        super().__init__(unit, known, any_round=frozenset({function}))
        self.function = function
        self.vcpu = self.add("vcpu", kvm_vcpu.STRUCT)
        self.fault = self.add("fault", kvm_page_fault.STRUCT)

    def run(self, walk: str, loops: int = 1) -> tuple[RoundMade, ...]:
        """Call the function, which walks with a variable of a struct's type; the rounds of its loops."""
        self.called_with = self.memory.copy()
        self.answer = self.integer(self.function)
        made = self.session.rounds(self.function, loops)
        self.walk = variable_of(made[0], walk)
        return made

    def workaround(self, made: RoundMade) -> Bool:
        """Whether executable huge pages are to be avoided, when a round begins."""
        return ne(self.of(made.head, self.fault, kvm_page_fault.NX_HUGE_PAGE_WORKAROUND_ENABLED), 0)

    def another_fault(self, made: RoundMade, after: RoundMade | None = None) -> Bool:
        """Whether a loop begins for another fault than its function was called for, or goes on for another.

        Args:
            made: its round.
            after: that of a loop before it, which it goes on from.
        """
        before = self.called_with if after is None else after.head
        ways = [all_of(made.begins, differ(self.fault, _OF_FAULT, before, made.entered))]
        if made.end is not None:
            ways.append(all_of(made.goes_on, differ(self.fault, _OF_FAULT, made.head, made.end)))
        return any_of(*ways)

    def of(self, memory: Memory | None, owner: Object, path: str) -> BitVec:
        """What a member holds at some time."""
        assert memory is not None
        return self.read(owner, path, memory)

    def entry(self, memory: Memory | None) -> Pointer:
        """The entry of the walk at some time."""
        assert memory is not None
        place = self.place(self.walk, tdp_iter.SPTEP)
        pointer = as_pointer(memory.read(self.walk, place.offset, place.width))
        assert pointer is not None
        return pointer

    def asked(self, call: CallMade, spte: BitVec, level: BitVec) -> Bool:
        """Whether on the way to a call it was asked whether this entry may lead to a huge page."""
        found: list[Bool] = []
        for each in self.session.calls(cuts.ADJUST.function):
            told, at = (self.session.argument(each, name) for name in ("spte", "cur_level"))
            found.append(all_of(each.guard, eq(told, spte), eq(at, level)))
        return any_of(*found)

    def come_to(self, memory: Memory | None, look: CallMade) -> Bool:
        """Whether the walk is still where it has come to by a call that has found an entry."""
        place = self.place(self.walk, shadow_iterator.SPTEP)
        assert isinstance(place.type, PointerType)
        name = self.walk.path(shadow_iterator.SPTEP)
        return same_place(
            self.entry(memory), input_pointer(self.walk, f"{name} after {look.tag}", place.type, place.name)
        )

    def deeds(self, calls: Sequence[CallMade], snapshot: bool, aims: Sequence[str]) -> Deed:
        """What is done by some calls of a function.

        Args:
            calls: the calls.
            snapshot: the walk itself knows what its entry held.
            aims: those of the function's parameters that have to be the walk's.
        """
        return _merged([self._deed(call, snapshot, aims) for call in calls])

    def _deed(self, call: CallMade, snapshot: bool, aims: Sequence[str]) -> Deed:
        memory = call.memory
        level = self.of(memory, self.walk, tdp_iter.LEVEL)
        spte = self.of(memory, self.walk, tdp_iter.OLD_SPTE) if snapshot else self.held(memory)
        names = self.unit.parameter_names(call.function)
        return Deed(
            when=call.guard,
            level=level,
            goal_level=self.of(memory, self.fault, kvm_page_fault.GOAL_LEVEL),
            spte=spte,
            elsewhere=any_of(*(negate(self._is_aim(name, call, names)) for name in aims)),
            unadjusted=negate(self.asked(call, spte, level)),
        )

    def held(self, memory: Memory | None) -> BitVec:
        """What the entry of the walk holds at some time."""
        assert memory is not None
        places = [target.place for target in self.entry(memory).targets if target.place is not None]
        if len(places) != 1:
            raise Refused(f"{self.function}(): the walk is at several entries")
        return read(memory, places[0].object, places[0].offset, 64)

    def _is_aim(self, name: str, call: CallMade, names: Sequence[str]) -> Bool:
        if name not in names:
            raise NotThere([f"a parameter {name} of {call.function}()"])
        told, memory = call.arguments[names.index(name)], call.memory
        if name == "iter":
            assert isinstance(told, Pointer)
            return same_place(told, pointer_to(self.walk))
        if name == "sptep":
            assert isinstance(told, Pointer)
            return same_place(told, self.entry(memory))
        assert name == "gfn"
        assert isinstance(told, BitVec)
        shift = (self.of(memory, self.walk, tdp_iter.LEVEL) - 1) * _INDEX_BITS
        mask = -(bv(1, 64) << zext(shift, 64))
        return eq(told, self.of(memory, self.fault, kvm_page_fault.GFN) & mask)


def _merged(deeds: Sequence[Deed]) -> Deed:
    """What is done in one of several places."""
    merged = deeds[0] if deeds else NOTHING_DONE
    for each in deeds[1:]:
        merged = Deed(
            when=any_of(merged.when, each.when),
            level=ite(each.when, each.level, merged.level),
            goal_level=ite(each.when, each.goal_level, merged.goal_level),
            spte=ite(each.when, each.spte, merged.spte),
            elsewhere=ite(each.when, each.elsewhere, merged.elsewhere),
            unadjusted=ite(each.when, each.unadjusted, merged.unadjusted),
        )
    return merged
