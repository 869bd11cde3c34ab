"""What a lifted tree does to a fault around the loop that maps it; see `mmuproof.model.map_rounds.MapTail`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmuproof.lift.c_types import RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.findings import CallMade, RoundMade
from mmuproof.lift.machine.memory import Memory, Object, Pointer, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.model.cuts import map_rounds as cuts
from mmuproof.model.lifted.calls_made import answer_of, is_given, left_at
from mmuproof.model.lifted.changes import strays
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.round_bench import RoundBench
from mmuproof.model.lifted.session import read
from mmuproof.model.map_rounds import MapTail
from mmuproof.model.named import constants, functions, guest_walker, kvm_page_fault
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bv, eq, ite, ne, negate, resize, slt, var

ENTRY_AFTER = var("the entry after the page is mapped", 64)
"""What `mmu_set_spte()` leaves in the entry of the walk."""
_SIZE = functions.KVM_MMU_HUGEPAGE_ADJUST
_CHOOSERS = {_SIZE: 1, cuts.ADJUST.function: 0}
"""What chooses the size of the page, and the position of the fault among its arguments."""
_CHOSEN = {
    kvm_page_fault.PFN: (_SIZE, cuts.ADJUST.function),
    kvm_page_fault.GOAL_LEVEL: (_SIZE, cuts.ADJUST.function),
    kvm_page_fault.REQ_LEVEL: (_SIZE,),
    kvm_page_fault.HUGE_PAGE_DISALLOWED: (_SIZE,),
}
"""What it chooses in the fault."""
_MAY = (*_CHOSEN, kvm_page_fault.WRITE_FAULT_TO_SHADOW_PGTABLE)
_READ = (*_MAY, guest_walker.PREFETCH_PTES)


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """A run of a function that maps a page.

    Args:
        loops: its loops, each with a call before its rounds, behind which nothing chooses the page's size.
        maps: the call that maps the page.
        answer: what the function gives back.
        begins: the addresses for which walks begin, and those that they should begin for.
        entry: the entry of the walk at that call.
        found: where the walk has come to.
        entry_after: what mapping the page leaves in the entry; None if that cannot be told.
        ahead: the calls that map neighbours of the entry.
        unnoted: a table is put somewhere whose note of a refused huge page is wrong.
        unprepared: a table is put somewhere whose page has not been set up for that place.
    """

    loops: Sequence[tuple[RoundMade, CallMade]]
    maps: CallMade
    answer: BitVec
    begins: Sequence[tuple[BitVec, BitVec]]
    entry: Pointer
    found: Bool
    entry_after: BitVec | None = None
    ahead: Sequence[CallMade] = ()
    unnoted: Bool = FALSE
    unprepared: Bool = FALSE


def tail_of(loop: RoundBench, made: Mapping) -> MapTail:
    """What a run of a function does around its loops."""
    return _Tails(loop, made).tail()


class _Tails:
    def __init__(self, loop: RoundBench, made: Mapping) -> None:
        self._loop, self._made = loop, made
        self._order = {id(call): number for number, call in enumerate(loop.session.machine.calls_made)}

    def tail(self) -> MapTail:
        """See `tail_of`."""
        maps = self._made.maps
        return MapTail(
            begins_elsewhere=any_of(*(ne(given, wanted) for given, wanted in self._made.begins)),
            another_page=any_of(
                *(self._chosen_elsewhere(member) for member in _CHOSEN),
                all_of(maps.guard, any_of(negate(self._made.found), self._given_another(maps))),
            ),
            strays=self._strays(),
            answers_otherwise=self._answers_otherwise(),
            changed_after=all_of(maps.guard, self._changed_after()),
            refusal_unnoted=self._made.unnoted,
            unprepared=self._made.unprepared,
        )

    # -- what is chosen of the fault ---------------------------------------------------------------------

    def _held(self, memory: Memory | None, member: str) -> BitVec:
        return self._loop.of(memory, self._loop.fault, member)

    def _chosen(self, value: BitVec, member: str, low: int, high: int) -> BitVec:
        """What a member becomes by the calls between two others that choose it."""
        for call in self._loop.session.calls(*_CHOSEN[member]):
            if low < self._order[id(call)] < high:
                bits = 1 if member == kvm_page_fault.HUGE_PAGE_DISALLOWED else value.width
                left = left_at(call, _CHOOSERS[call.function], bits, member)
                value = ite(call.guard, resize(left, value.width), value)
        return value

    def _chosen_elsewhere(self, member: str) -> Bool:
        """Whether a member of the fault changes on the way to the call that maps it, without being chosen."""
        ways: list[Bool] = []
        before, low = self._loop.called_with, -1
        for made, head in self._made.loops:
            at = self._order[id(head)]
            entered = self._chosen(self._held(before, member), member, low, at)
            ways.append(all_of(made.begins, ne(self._held(made.entered, member), entered)))
            before, low = made.head, at
        last, maps = self._made.loops[-1][0], self._made.maps
        found = self._chosen(self._held(before, member), member, low, self._order[id(maps)])
        ways.append(all_of(maps.guard, ne(self._held(maps.memory, member), found)))
        if last.end is not None:
            ways.append(all_of(last.goes_on, ne(self._held(last.end, member), found)))
        return any_of(*ways)

    # -- what the call is given --------------------------------------------------------------------------

    def _given_another(self, maps: CallMade) -> Bool:
        """Whether the call that maps a page is given another fault, frame or slot."""
        ways = [
            negate(is_given(maps, pointer_to(self._loop.fault))),
            negate(is_given(maps, pointer_to(self._loop.vcpu))),
        ]
        names = self._loop.unit.parameter_names(maps.function)
        if kvm_page_fault.PFN in names:
            ways.append(
                ne(self._loop.session.argument(maps, kvm_page_fault.PFN), self._held(maps.memory, kvm_page_fault.PFN))
            )
        if kvm_page_fault.SLOT in names:
            place = self._loop.place(self._loop.fault, kvm_page_fault.SLOT)
            assert maps.memory is not None
            held = as_pointer(maps.memory.read(self._loop.fault, place.offset, place.width))
            given = as_pointer(maps.arguments[names.index(kvm_page_fault.SLOT)])  # type: ignore[arg-type]
            assert held is not None
            assert given is not None
            ways.append(negate(same_place(held, given)))
        return any_of(*ways)

    # -- what else changes -------------------------------------------------------------------------------

    def _entries(self) -> list[Object]:
        """The entries that tables are linked at, or taken away from."""
        calls = self._loop.session.calls(cuts.LINK.function, functions.VALIDATE_DIRECT_SPTE)
        pointers = [each for call in calls for each in call.arguments if isinstance(each, Pointer)]
        places = [target.place for pointer in pointers for target in pointer.targets if target.place is not None]
        return [place.object for place in places if not isinstance(place.object.type, RecordType)]

    def _strays(self) -> Bool:
        ways: list[Bool] = []
        before, last = self._loop.called_with, self._made.loops[-1][0]
        for made, _head in self._made.loops:
            may = _MAY if made is last and before is not self._loop.called_with else _READ
            ways.append(all_of(made.begins, strays(before, made.entered, _READ, self._entries())))
            before = made.head
            if made.end is not None:
                ways.append(all_of(made.goes_on, strays(made.head, made.end, may, self._entries())))
        maps = self._made.maps
        assert maps.memory is not None
        ways.append(all_of(maps.guard, strays(before, maps.memory, _MAY)))
        return any_of(*ways)

    # -- afterwards --------------------------------------------------------------------------------------

    def _answers_otherwise(self) -> Bool:
        maps, answer = self._made.maps, self._made.answer
        retry = constant_of(self._loop.unit, constants.RET_PF_RETRY)
        nothing = any_of(eq(answer, retry), slt(answer, bv(0, 32)))
        told = eq(answer, answer_of(maps, 32))
        return negate(any_of(*(made.goes_on for made, _ in self._made.loops), ite(maps.guard, told, nothing)))

    def _changed_after(self) -> Bool:
        maps, memory = self._made.maps, self._loop.memory
        assert maps.memory is not None
        places = [target.place for target in self._made.entry.targets if target.place is not None]
        if len(places) != 1:
            raise Refused(f"{self._loop.function}(): the walk is at several entries")
        (place,) = places
        left = self._made.entry_after
        if left is None:
            left = read(maps.memory, place.object, place.offset, 64)
        return any_of(
            ne(read(memory, place.object, place.offset, 64), left),
            strays(maps.memory, memory, _MAY, [place.object]),
            *(all_of(call.guard, negate(is_given(call, self._made.entry))) for call in self._made.ahead),
        )
