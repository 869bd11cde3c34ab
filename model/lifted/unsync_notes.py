"""How a lifted tree notes where pages out of sync are: ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.memory import NULL, Object, ObjectKind, choose, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import flush_ranges, stores
from mmuproof.model.cuts import unsync_notes as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_given, numbers_given
from mmuproof.model.lifted.entry_bench import page_table
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.lifted.spte_lists import entry_of, is_there, listing
from mmuproof.model.named import functions, kvm_mmu_page, mmu_pages
from mmuproof.model.stores import LOOKED_AT
from mmuproof.model.unsync_notes import STEPS, NotesTakenBack, NoteTakenBack, ParentsToldRound, UnsyncNoted, UnsyncNotes
from mmuproof.smt.terms import Bool, all_of, any_of, bool_var, bv, eq, ne, negate, resize, var

_NOTES, _TELLS, _TAKES_BACK, _ABOVE = (
    functions.MARK_UNSYNC,
    functions.KVM_MMU_MARK_PARENTS_UNSYNC,
    functions.CLEAR_UNSYNC_CHILD_BIT,
    functions.MMU_PAGES_CLEAR_PARENTS,
)


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
            was_noted=any_of(*(all_of(call.guard, ne(var(call.tag, 1), 0)) for call in sets)),
            noted=any_of(
                *(
                    all_of(call.guard, eq(resize(numbers_given(call)[0], 32), LOOKED_AT), is_given(call, notes))
                    for call in sets
                )
            ),
            before=resize(before, 32),
            after=resize(bench.read(page, kvm_mmu_page.UNSYNC_CHILDREN), 32),
            tells=any_of(
                *(all_of(call.guard, is_given(call, pointer_to(page))) for call in session.calls(cuts.TELL.function))
            ),
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
            notes=any_of(*(all_of(call.guard, is_given(call, entry)) for call in notes)),
            of_page=any_of(
                *(all_of(call.guard, is_given(call, listed)) for call in session.calls(functions.RMAP_GET_FIRST))
            ),
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
