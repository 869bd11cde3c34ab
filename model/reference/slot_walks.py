"""How Linux 7.2.13 walks through the lists of a slot."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.slot_walks import SlotWalkBegun, SlotWalkRound, SlotWalks, SlotWalkStep
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bool_var, ne, negate, slt, ult, var

_LISTS, _LEVELS = range(3, 6), 5
_SOME = "after some rounds"


class ReferenceSlotWalks(ReferenceArea, SlotWalks):
    """``slot_rmap_walk_init()``, ``slot_rmap_walk_next()`` and ``__walk_slot_rmaps()``."""

    def begun(self) -> SlotWalkBegun:
        """See `SlotWalks.begun`."""
        return SlotWalkBegun(at_first=TRUE, to_last=self._goes_to_last(), as_told=TRUE, evidence=Evidence())

    def _goes_to_last(self) -> Bool:
        """Whether the walk goes to the list of the last frame."""
        return TRUE

    def step(self) -> SlotWalkStep:
        """See `SlotWalks.step`."""
        level, last_level = var("iterator->level", 32), var("iterator->end_level", 32)
        filled = [ne(var(f"lists[{number}].val.counter", 64), 0) for number in _LISTS]
        more, over = any_of(*filled), slt(last_level, level + 1)
        return SlotWalkStep(
            level=level,
            last_level=last_level,
            more=more,
            at_next=self._finds(filled),
            frame_of_it=all_of(more, ult(level, _LEVELS + 1), self._counts_frames()),
            anew=all_of(negate(more), negate(over)),
            ended=all_of(negate(more), over),
            evidence=Evidence(),
        )

    def _finds(self, filled: list[Bool]) -> Bool:
        """Whether the walk finds the next list that has entries, of all that are left."""
        return any_of(*filled)

    def _counts_frames(self) -> Bool:
        """Whether the walk's frame goes on with its lists."""
        return TRUE

    def round(self) -> SlotWalkRound:
        """See `SlotWalks.round`."""
        here = negate(bool_var(f"iterator.rmap {_SOME} == NULL"))
        start, end, gfn = var("start_gfn", 64), var("end_gfn", 64), var(f"iterator.gfn {_SOME}", 64)
        stale, changes = ne(var(f"flush {_SOME}", 1), 0), all_of(here, ne(var("kvm_zap_rmap()", 1), 0))
        may_yield, first = (ne(var(name, 8) & 1, 0) for name in ("can_yield", "flush_on_yield"))
        waits = any_of(ne(var("need_resched()", 1), 0), ne(var("rwlock_needbreak()", 32), 0))
        yields, due = all_of(here, may_yield, waits), self._is_due(stale, changes)
        settled = all_of(yields, due, first)
        return SlotWalkRound(
            here=here,
            handled=here,
            level=var(f"iterator.level {_SOME}", 32),
            start_level=var("start_level", 32),
            start=start,
            end=end,
            gfn=gfn,
            due_at_first=ne(var("flush", 8) & 1, 0),
            stale=stale,
            changes=changes,
            may_yield=may_yield,
            flushes_first=first,
            yields=yields,
            flushed=all_of(settled, self._flushes()),
            first=start,
            count=self._count(gfn - start),
            stale_after=all_of(due, negate(settled)),
            stale_told=TRUE,
            evidence=Evidence(),
        )

    def _is_due(self, stale: Bool, changes: Bool) -> Bool:
        """Whether a flush is due."""
        return any_of(stale, changes)

    def _flushes(self) -> Bool:
        """Whether what is due is flushed before the lock is given up."""
        return TRUE

    def _count(self, before: BitVec) -> BitVec:
        """How many frames are flushed, of the walk's own and those before it."""
        return before + 1
