"""The ends of walks of guest page tables in a lifted tree, and what they hand on (``paging_tmpl.h``)."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.lift.c_types import ArrayType, IntType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.walk_ends import CUTS, PERMISSION_FAULT, PSE36, READ_ENTRY
from mmuproof.model.lifted.calls_made import is_nonzero
from mmuproof.model.lifted.nested import read_entries, with_entries
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import Session, read
from mmuproof.model.lifted.walk_bench import PAE_LEVELS, WalkOnBench
from mmuproof.model.lifted.walks import WalkInMemory
from mmuproof.model.named import guest_walker
from mmuproof.model.walk_ends import LastEntry, Protected, WalkedLevel, WalkEnds, WholeWalk
from mmuproof.model.walks import GpteFormat, GuestWalk
from mmuproof.smt.graph import substitute
from mmuproof.smt.terms import BitVec, Bool, Term, all_of, bv, eq, ne, negate, resize, ule, var

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
        return WalkedLevel(
            used=used,
            table_gfn=self._element(guest_walker.TABLE_GFN, level),
            pte_gpa=self._element(guest_walker.PTE_GPA, level),
            well_formed=all_of(clear, eq(told[0], self._entries[number]), eq(told[1], level)),
            pt_access=self._element(guest_walker.PT_ACCESS, level),
        )

    def _noted(self, member: str) -> BitVec:
        return substitute(self._bench.read(self._walker, member), self._given)

    def _element(self, member: str, level: int) -> BitVec:
        """What an array notes of a level."""
        place = self._bench.place(self._walker, member)
        if not isinstance(place.type, ArrayType):
            raise Refused(f"walker->{member} is no array")
        width = place.type.element.bits
        return substitute(
            read(self._bench.memory, self._walker, place.offset + (level - 1) * width, width), self._given
        )


def _state(walk: GuestWalk) -> WalkInMemory:
    assert isinstance(walk.state, WalkInMemory)
    return walk.state
