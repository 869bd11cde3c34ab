"""How Linux 7.2.13 notes where pages out of sync are."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.unsync_notes import (
    ROOM,
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
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bool_var,
    boolean,
    bv,
    eq,
    extract,
    ite,
    ne,
    negate,
    var,
)

_COUNT = extract(var("sp->unsync_children", 64), 31, 0)
_COUNT_OF_CHILD = extract(var("child->unsync_children", 64), 31, 0)


class ReferenceUnsyncNotes(ReferenceArea, UnsyncNotes):
    """``mark_unsync()``, ``mmu_pages_clear_parents()`` and what they call."""

    def noted(self) -> UnsyncNoted:
        """See `UnsyncNotes.noted`."""
        was_noted = ne(var("arch___test_and_set_bit()", 1), 0)
        return UnsyncNoted(
            was_noted=was_noted,
            noted=TRUE,
            before=_COUNT,
            after=self._counted(was_noted),
            tells=all_of(negate(was_noted), self._tells()),
            evidence=Evidence(),
        )

    def _counted(self, was_noted: Bool) -> BitVec:
        """How many entries are noted then, by whether the one was noted before."""
        return ite(was_noted, _COUNT, _COUNT + 1)

    def _tells(self) -> Bool:
        """Whether those above are told of an entry that was not noted before."""
        return eq(_COUNT, 0)

    def parents_told(self) -> ParentsToldRound:
        """See `UnsyncNotes.parents_told`."""
        entry = var("*sptep after some rounds after some rounds", 64)
        there = all_of(
            negate(bool_var("sptep after some rounds == NULL")), ne(entry & self.constants.SPTE_MMU_PRESENT_MASK, 0)
        )
        return ParentsToldRound(here=there, notes=self._notes(there), of_page=TRUE, evidence=Evidence())

    def _notes(self, there: Bool) -> Bool:
        """Whether an entry is noted that leads to a page."""
        return there

    def linked(self) -> LinkNoted:
        """See `UnsyncNotes.linked`."""
        own, below = ne(var("child->unsync", 1), 0), ne(_COUNT_OF_CHILD, 0)
        return LinkNoted(out_of_sync=own, below=below, notes=self._notes_link(own, below), evidence=Evidence())

    def _notes_link(self, out_of_sync: Bool, below: Bool) -> Bool:
        """Whether an entry is noted that begins to lead to a page."""
        return any_of(out_of_sync, below)

    def taken_back(self) -> NoteTakenBack:
        """See `UnsyncNotes.taken_back`."""
        return NoteTakenBack(cleared=TRUE, before=_COUNT, after=self._uncounted(_COUNT), evidence=Evidence())

    def _uncounted(self, before: BitVec) -> BitVec:
        """How many entries are noted when one no longer is."""
        return before - 1

    def taken_back_above(self) -> NotesTakenBack:
        """See `UnsyncNotes.taken_back_above`."""
        there = tuple(negate(bool_var(f"no page at step {step}")) for step in range(STEPS))
        reached, left, taken = TRUE, [], []
        for step, here in enumerate(there):
            call = "clear_unsync_child_bit()" + f"#{step + 1}" * (step > 0)
            reached = all_of(reached, here)
            before, after = (
                extract(var(f"sp{step}->unsync_children{when}", 64), 31, 0) for when in ("", f" after {call}")
            )
            taken.append(reached)
            left.append(ite(reached, after, before))
            reached = all_of(reached, self._goes_on(after))
        return NotesTakenBack(there=there, left=tuple(left), taken_back=tuple(taken), evidence=Evidence())

    def _goes_on(self, left: BitVec) -> Bool:
        """Whether the page above is next, by how many entries of the one below are still noted."""
        return eq(left, 0)

    def found(self, count: int) -> PageFound:
        """See `UnsyncNotes.found`."""
        known, unsync = (
            any_of(*(bool_var(f"page {number} is the same") for number in range(count))),
            ne(var("sp->unsync", 1), 0),
        )
        adds = negate(all_of(unsync, known))
        return PageFound(
            count=count,
            unsync=unsync,
            known=known,
            stored=adds,
            after=ite(adds, bv(count + 1, 32), bv(count, 32)),
            full=all_of(adds, boolean(self._is_full(count + 1))),
            evidence=Evidence(),
        )

    def _is_full(self, count: int) -> bool:
        """Whether there is room for no more pages."""
        return count == ROOM

    def way(self, level: int, begins: bool) -> WayNoted:
        """See `UnsyncNotes.way`."""
        return WayNoted(
            level=level,
            begins=begins,
            entries=TRUE,
            pages=boolean(level > 1 and (begins or self._notes_pages())),
            ends=boolean(begins and self._ends_way()) if begins else self._left(level),
            lowest=TRUE,
            evidence=Evidence(),
        )

    @staticmethod
    def _left(level: int) -> Bool:
        """Whether no page is above one already."""
        return bool_var(f"parents->parent[{level - 1}] == NULL") if level > 1 else FALSE

    def _notes_pages(self) -> bool:
        """Whether a page on the way is noted."""
        return True

    def _ends_way(self) -> bool:
        """Whether it is noted where the way ends."""
        return True
