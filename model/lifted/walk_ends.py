"""The ends of walks of guest page tables in a lifted tree, and what they hand on (``paging_tmpl.h``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from mmuproof.lift.c_types import ArrayType, IntType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, Pointer, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.walk_ends import (
    CUTS,
    FIND_SLOT,
    IS_VISIBLE,
    PERMISSION_FAULT,
    PLACE_IN_SLOT,
    PLACE_OF_FRAME,
    PSE36,
    READ_ENTRY,
)
from mmuproof.model.lifted.calls_made import answer_of, is_answer, is_nonzero, numbers_given
from mmuproof.model.lifted.nested import read_entries, with_entries
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import Session, read
from mmuproof.model.lifted.walk_bench import PAE_LEVELS, WalkOnBench
from mmuproof.model.lifted.walks import WalkInMemory
from mmuproof.model.named import guest_walker
from mmuproof.model.walk_ends import LastEntry, Protected, WalkedLevel, WalkEnds, WholeWalk
from mmuproof.model.walks import GpteFormat, GuestWalk
from mmuproof.smt.graph import substitute
from mmuproof.smt.terms import FALSE, BitVec, Bool, Term, all_of, any_of, bv, eq, ne, negate, resize, ule, var

_T = TypeVar("_T", BitVec, Bool)
_PAGE_BITS = 12
_U32 = IntType(32, False, "unsigned int")


class LiftedWalkEnds(WalkEnds, Remembers):
    """The part of a lifted tree that walks guest page tables to their end (``mmu.c``)."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def is_last_gpte(self, gpte_format: GpteFormat, walk: GuestWalk, level: BitVec, gpte: BitVec) -> LastEntry:
        """See `WalkEnds.is_last_gpte`."""
        state, session = _state(walk), Session(self._unit, CUTS)
        name, values = f"{gpte_format.value}_is_last_gpte", {"level": level, "gpte": gpte}
        ends = session.integer(state.memory.copy(), name, objects=state.objects, values=values)
        return LastEntry(ne(ends, 0), session.evidence())

    @once
    def protect_clean_gpte(self, gpte_format: GpteFormat, walk: GuestWalk, access: BitVec, gpte: BitVec) -> Protected:
        """See `WalkEnds.protect_clean_gpte`."""
        state, session = _state(walk), Session(self._unit, CUTS)
        memory = state.memory.copy()
        held = Object(name="*access", type=_U32, kind=ObjectKind.INPUT, by_pointer=True)
        memory.write(held, 0, _U32.bits, access)
        session.call(
            memory,
            f"{gpte_format.value}_protect_clean_gpte",
            objects=state.objects,
            values={"gpte": gpte},
            pointers={"access": pointer_to(held)},
        )
        return Protected(read(memory, held, 0, _U32.bits), session.evidence())

    @once
    def whole_walk(
        self, gpte_format: GpteFormat, levels: int, entries: Sequence[BitVec], *, cr4_pse: Bool, accessed_dirty: Bool
    ) -> WholeWalk:
        """See `WalkEnds.whole_walk`."""
        begun = WalkOnBench(self._unit, gpte_format, nested=gpte_format is GpteFormat.EPT)
        begun.set_flags(levels, cr4_pse=cr4_pse, accessed_dirty=accessed_dirty)
        result = begun.walk()
        return _Walker(begun, read_entries(entries)).told(levels, ne(result, 0))


class _Walker:
    """What a walk has left in its ``struct guest_walker``.

    Args:
        begun: where it has run.
        given: what stands for each value that it has read.
    """

    def __init__(self, begun: WalkOnBench, given: dict[Term, Term]) -> None:
        self._begun, self._bench, self._walker, self._given = begun, begun.bench, begun.walker, given
        self._entries = [resize(each, 64) for each in given.values() if isinstance(each, BitVec)]

    def told(self, levels: int, succeeded: Bool) -> WholeWalk:
        """All of it, of a walk from a number of levels on."""
        name = self._begun.name
        count, rules = len(self._given), self._calls(f"{name.partition('_')[0]}_is_rsvd_bits_set")
        if not len(self._calls(READ_ENTRY.function)) == len(rules) == count:
            raise Refused(f"{name}() with {levels} levels does not read and check {count} entries")
        first = self._begun.first_read(levels)
        judged = self._bench.session.only_call(PERMISSION_FAULT.function)
        index = first.arguments[-1] if levels == PAE_LEVELS else bv(0, 32)
        assert isinstance(index, BitVec)
        success, ended = substitute(succeeded, self._given), self._noted("level")
        return WholeWalk(
            succeeded=success,
            addr=var("addr", 64),
            access=var("access", 64),
            first=var(f"{first.function}()", 64),
            pdpte=resize(index, 32),
            pse36=ne(var(f"{PSE36.function}()", 32), 0),
            allowed=eq(self._begun.judgement, 0),
            level=ended,
            gfn=self._noted(guest_walker.GFN),
            judged=substitute(resize(self._bench.session.argument(judged, "pte_access"), 32), self._given),
            pte_access=self._noted(guest_walker.PTE_ACCESS),
            levels=tuple(
                self._of_level(count - number, rule, number, all_of(success, ule(ended, count - number)))
                for number, rule in enumerate(rules)
            ),
            evidence=with_entries(self._given, self._bench.session.evidence()),
        )

    def _calls(self, *names: str) -> Sequence[CallMade]:
        return self._bench.session.calls(*names)

    def _of_level(self, level: int, rule: CallMade, number: int, used: Bool) -> WalkedLevel:
        told = [substitute(resize(each, 64), self._given) for each in rule.arguments if isinstance(each, BitVec)]
        if len(told) != 2:
            raise Refused(f"{rule.function}() is told {len(told)} numbers")
        clear = negate(is_nonzero(rule))
        pte_gpa = self._element(guest_walker.PTE_GPA, level)
        there, shown = self._read(self._calls(READ_ENTRY.function)[number], pte_gpa)
        return WalkedLevel(
            used=used,
            table_gfn=self._element(guest_walker.TABLE_GFN, level),
            pte_gpa=pte_gpa,
            read_there=there,
            shown=shown,
            well_formed=all_of(clear, eq(told[0], self._entries[number]), eq(told[1], level)),
            pt_access=self._element(guest_walker.PT_ACCESS, level),
        )

    def _read(self, entry: CallMade, pte_gpa: BitVec) -> tuple[Bool, Bool]:
        """Whether an entry is read from where the slot of its frame has it, and whether that slot is the guest's."""
        source = entry.arguments[1]
        addresses = [each.address for each in source.targets] if isinstance(source, Pointer) else []
        if len(addresses) != 1 or addresses[0] is None:
            raise Refused(f"{entry.function}() reads from no one address", str(entry.at))
        frame, inside = pte_gpa >> _PAGE_BITS, pte_gpa & (1 << _PAGE_BITS) - 1
        there, shown = FALSE, FALSE
        for place in self._calls(PLACE_IN_SLOT.function, PLACE_OF_FRAME.function):
            here = all_of(
                self._is_of_frame(place, frame), eq(self._as_read(addresses[0]), answer_of(place, 64) + inside)
            )
            slots = [each for each in self._calls(FIND_SLOT.function) if is_answer(place.arguments[0], each)]
            if place.function == PLACE_IN_SLOT.function:
                here = all_of(here, any_of(*(self._is_of_frame(each, frame) for each in slots)))
            asked = (
                each
                for each in self._calls(IS_VISIBLE.function)
                if any(is_answer(each.arguments[0], slot) for slot in slots)
            )
            there = any_of(there, here)
            shown = any_of(
                shown, all_of(here, any_of(*(self._as_read(all_of(each.guard, is_nonzero(each))) for each in asked)))
            )
        return there, shown

    def _is_of_frame(self, call: CallMade, frame: BitVec) -> Bool:
        """Whether a call is made for a frame."""
        return self._as_read(all_of(call.guard, eq(resize(numbers_given(call)[0], 64), frame)))

    def _noted(self, member: str) -> BitVec:
        return self._as_read(self._bench.read(self._walker, member))

    def _element(self, member: str, level: int) -> BitVec:
        """What an array notes of a level."""
        place = self._bench.place(self._walker, member)
        if not isinstance(place.type, ArrayType):
            raise Refused(f"walker->{member} is no array")
        width = place.type.element.bits
        return self._as_read(read(self._bench.memory, self._walker, place.offset + (level - 1) * width, width))

    def _as_read(self, term: _T) -> _T:
        """A term with what is given for what was read."""
        return substitute(term, self._given)


def _state(walk: GuestWalk) -> WalkInMemory:
    assert isinstance(walk.state, WalkInMemory)
    return walk.state
