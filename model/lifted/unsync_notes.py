"""How a lifted tree notes where pages out of sync are: ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import StructMember
from mmuproof.lift.machine.memory import NULL, Object, ObjectKind, Pointer, choose, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import common, flush_ranges, stores
from mmuproof.model.cuts import unsync_notes as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_answered_yes, is_called, is_given, numbers_given
from mmuproof.model.lifted.entry_bench import EntryBench, page_table
from mmuproof.model.lifted.listed_entries import entry_of, is_there, listing
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import bit_field, read
from mmuproof.model.named import functions, kvm_mmu_page, kvm_vm, mmu_pages, page_role
from mmuproof.model.stores import LOOKED_AT
from mmuproof.model.unsync_notes import (
    STEPS,
    LinkNoted,
    NotesTakenBack,
    NoteTakenBack,
    PageFound,
    ParentsToldRound,
    UnsyncNoted,
    UnsyncNotes,
    WayNoted,
)
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, bool_var, bv, eq, ne, negate, resize, var

_NOTES, _TELLS, _TAKES_BACK, _ABOVE = (
    functions.MARK_UNSYNC,
    functions.KVM_MMU_MARK_PARENTS_UNSYNC,
    functions.CLEAR_UNSYNC_CHILD_BIT,
    functions.MMU_PAGES_CLEAR_PARENTS,
)

_LINKS = functions.INNER_LINK_SHADOW_PAGE
_ADDS, _BEGINS, _GOES_ON = "mmu_pages_add", "mmu_pages_first", "mmu_pages_next"


class LiftedUnsyncNotes(UnsyncNotes, Remembers):
    """What a lifted tree notes.

    Args:
        unit: ``mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    def _page(self, name: str) -> Object:
        return Object(name=name, type=self._unit.record(kvm_mmu_page.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)

    @once
    def noted(self) -> UnsyncNoted:
        """See `UnsyncNotes.noted`."""
        page, table = self._page("sp"), page_table("table")
        index = replace(flush_ranges.SPTE_INDEX, gives=bv(LOOKED_AT, 32))
        known = (*cuts.NOTES, index, replace(stores.SPTEP_TO_SP, gives=pointer_to(page)))
        bench = Bench(self._unit, known)
        page.settled = table.settled = True
        before = bench.read(page, kvm_mmu_page.UNSYNC_CHILDREN)
        entry, session = pointer_to(table, LOOKED_AT * 64), bench.session
        session.call(bench.memory, _NOTES, objects=bench.objects, pointers={"spte": entry, "sptep": entry})
        sets = session.calls(cuts.SET_BIT.function)
        notes = pointer_to(page, bench.place(page, kvm_mmu_page.UNSYNC_CHILD_BITMAP).offset)
        return UnsyncNoted(
            was_noted=is_answered_yes(sets),
            noted=any_of(
                *(
                    all_of(call.guard, eq(resize(numbers_given(call)[0], 32), LOOKED_AT), is_given(call, notes))
                    for call in sets
                )
            ),
            before=resize(before, 32),
            after=resize(bench.read(page, kvm_mmu_page.UNSYNC_CHILDREN), 32),
            tells=is_called(session.calls(cuts.TELL.function), pointer_to(page)),
            evidence=session.evidence(),
        )

    @once
    def parents_told(self) -> ParentsToldRound:
        """See `UnsyncNotes.parents_told`."""
        table = page_table("table")
        known = listing(cuts.TELLS, pointer_to(table, LOOKED_AT * 64))
        bench = Bench(self._unit, known, any_round=frozenset({_TELLS}))
        page = bench.add("sp", kvm_mmu_page.STRUCT)
        page.settled = table.settled = True
        bench.call(_TELLS)
        session = bench.session
        made = session.round(_TELLS)
        entry, listed = entry_of(made), pointer_to(page, bench.place(page, kvm_mmu_page.PARENT_PTES).offset)
        notes = session.calls(cuts.NOTE.function)
        return ParentsToldRound(
            here=is_there(self._unit, made.head, entry),
            notes=is_called(notes, entry),
            of_page=is_called(session.calls(functions.RMAP_GET_FIRST), listed),
            evidence=session.evidence(),
        )

    @once
    def linked(self) -> LinkNoted:
        """See `UnsyncNotes.linked`."""
        bench = EntryBench(self._unit, (*stores.SHADOW, cuts.NOTE), LOOKED_AT)
        child, childs = self._page("child"), page_table("child->spt")
        child.settled = True
        bench.write(child, kvm_mmu_page.SPT, pointer_to(childs))
        bench.add("kvm", kvm_vm.STRUCT)
        bench.add("cache", kvm_vm.CACHE)
        bench.objects[kvm_mmu_page.STRUCT] = pointer_to(child)
        pointers, session = {"sptep": bench.sptep}, bench.session
        values = {"flush": var("flush", 8)}
        session.call(bench.memory, _LINKS, objects=bench.objects, values=values, pointers=pointers)
        return LinkNoted(
            out_of_sync=ne(bench.read(child, kvm_mmu_page.UNSYNC), 0),
            below=ne(bench.read(child, kvm_mmu_page.UNSYNC_CHILDREN), 0),
            notes=is_called(session.calls(cuts.NOTE.function), bench.sptep),
            evidence=session.evidence(),
        )

    @once
    def taken_back(self) -> NoteTakenBack:
        """See `UnsyncNotes.taken_back`."""
        bench = Bench(self._unit, cuts.TAKES_BACK)
        page, index = bench.add("sp", kvm_mmu_page.STRUCT), var("idx", 32)
        page.settled = True
        before = resize(bench.read(page, kvm_mmu_page.UNSYNC_CHILDREN), 32)
        bench.call(_TAKES_BACK, idx=index)
        notes = pointer_to(page, bench.place(page, kvm_mmu_page.UNSYNC_CHILD_BITMAP).offset)
        clears = bench.session.calls(cuts.CLEAR_BIT.function)
        return NoteTakenBack(
            cleared=any_of(
                *(
                    all_of(call.guard, eq(resize(numbers_given(call)[0], 32), index), is_given(call, notes))
                    for call in clears
                )
            ),
            before=before,
            after=resize(bench.read(page, kvm_mmu_page.UNSYNC_CHILDREN), 32),
            evidence=bench.session.evidence(),
        )

    @once
    def taken_back_above(self) -> NotesTakenBack:
        """See `UnsyncNotes.taken_back_above`."""
        bench = Bench(self._unit, cuts.TAKES_BACK_ABOVE)
        way = bench.add("parents", mmu_pages.WAY)
        pages, index = (bench.place(way, name).offset for name in (mmu_pages.WAY_PAGES, mmu_pages.WAY_INDEX))
        steps = [self._page(f"sp{number}") for number in range(STEPS)]
        for number, page in enumerate(steps):
            page.settled = True
            above = choose(bool_var(f"no page at step {number}"), NULL, pointer_to(page))
            bench.memory.write(way, pages + number * 64, 64, above)
        # What begins a walk ends the way at the root.
        bench.memory.write(way, pages + STEPS * 64, 64, NULL)
        way.settled = True
        bench.call(_ABOVE)
        session = bench.session
        calls = session.calls(cuts.TAKE_BACK.function)

        def taken(number: int, page: Object) -> Bool:
            told = read(bench.memory, way, index + number * 32, 32)
            return any_of(
                *(all_of(c.guard, is_given(c, pointer_to(page)), eq(numbers_given(c)[0], told)) for c in calls)
            )

        return NotesTakenBack(
            there=tuple(negate(bool_var(f"no page at step {number}")) for number in range(STEPS)),
            left=tuple(resize(bench.read(page, kvm_mmu_page.UNSYNC_CHILDREN), 32) for page in steps),
            taken_back=tuple(taken(number, page) for number, page in enumerate(steps)),
            evidence=session.evidence(),
        )

    @once
    def found(self, count: int) -> PageFound:
        """See `UnsyncNotes.found`."""
        bench, others = Bench(self._unit, common.CUTS), self._page("another sp")
        found, page, index = bench.add("pvec", mmu_pages.STRUCT), bench.add("sp", kvm_mmu_page.STRUCT), var("idx", 32)
        bench.write(found, mmu_pages.NR, bv(count, 32))
        same = [bool_var(f"page {number} is the same") for number in range(count)]
        for number, is_same in enumerate(same):
            held = choose(is_same, pointer_to(page), pointer_to(others))
            bench.memory.write(found, self._place(bench, found, number).offset, 64, held)
        answer = bench.integer(_ADDS, idx=index)
        at, led = (self._place(bench, found, count, name) for name in (mmu_pages.PAGE, mmu_pages.PAGE_INDEX))
        stored = as_pointer(bench.memory.read(found, at.offset, at.width))
        return PageFound(
            count=count,
            unsync=ne(bench.read(page, kvm_mmu_page.UNSYNC), 0),
            known=any_of(*same),
            stored=all_of(
                FALSE if stored is None else same_place(stored, pointer_to(page)),
                eq(read(bench.memory, found, led.offset, 32), index),
            ),
            after=bench.read(found, mmu_pages.NR),
            full=ne(answer, 0),
            evidence=bench.session.evidence(),
        )

    @staticmethod
    def _place(bench: Bench, found: Object, number: int, member: str = mmu_pages.PAGE) -> StructMember:
        """Where something of a page is that has been found."""
        return bench.place(found, f"{mmu_pages.PAGES}[{number}].{member}")

    @once
    def way(self, level: int, begins: bool) -> WayNoted:
        """See `UnsyncNotes.way`."""
        bench = Bench(self._unit, common.CUTS)
        found, way = bench.add("pvec", mmu_pages.STRUCT), bench.add("parents", mmu_pages.WAY)
        levels = [level] if level == 1 else [level, 1]
        pages = [self._page(f"sp{number}") for number in range(len(levels))]
        bench.write(found, mmu_pages.NR, bv(len(pages), 32))
        for number, page in enumerate(pages):
            bench.memory.write(found, self._place(bench, found, number).offset, 64, pointer_to(page))
            own = bit_field(bench.place(page, kvm_mmu_page.ROLE), page_role.LEVEL)
            bench.memory.write(page, own.offset, own.width, bv(levels[number], own.width))
        answer = bench.integer(_BEGINS) if begins else bench.integer(_GOES_ON, i=bv((1 << 32) - 1, 32))

        def step(name: str, number: int) -> StructMember:
            return bench.place(way, f"{name}[{number}]")

        def leads_to(number: int) -> Pointer | None:
            place = step(mmu_pages.WAY_PAGES, number)
            return as_pointer(bench.memory.read(way, place.offset, place.width))

        entries = []
        for number, each in list(enumerate(levels))[begins:]:
            held, led = step(mmu_pages.WAY_INDEX, each - 1), self._place(bench, found, number, mmu_pages.PAGE_INDEX)
            entries.append(eq(read(bench.memory, way, held.offset, 32), read(bench.memory, found, led.offset, 32)))
        above, end = (leads_to(number) if level > 1 else None for number in (level - 2, level - 1))
        return WayNoted(
            level=level,
            begins=begins,
            entries=all_of(*entries),
            pages=FALSE if above is None else same_place(above, pointer_to(pages[0])),
            ends=FALSE if end is None else end.is_null,
            lowest=eq(answer, len(levels) - 1),
            evidence=bench.session.evidence(),
        )
