"""How Linux 7.2.13 synchronizes what is below a page of SPTEs, and gives it up."""

from __future__ import annotations

from mmuproof.model.child_syncs import ChildrenSynced, ChildrenZapped, ChildSyncs, SearchBegun, UnsyncRound
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.stores import LOOKED_AT
from mmuproof.smt.terms import (
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bv,
    eq,
    extract,
    ite,
    ne,
    negate,
    slt,
    ule,
    ult,
    var,
    zext,
)

_SOME, _LARGE, _ROOM = "after some rounds", 7, 16
_NO_ROOM = 0xFFFFFFE4
"""-ENOSPC, in 32 bits."""


class ReferenceChildSyncs(ReferenceArea, ChildSyncs):
    """``mmu_unsync_walk()``, ``mmu_sync_children()``, ``mmu_zap_unsync_children()`` and what they call."""

    def begun(self) -> SearchBegun:
        """See `ChildSyncs.begun`."""
        below = ne(extract(var("sp->unsync_children", 64), 31, 0), 0)
        searched, found = self._is_searched(below), var("__mmu_unsync_walk()", 32)
        return SearchBegun(
            below=below,
            emptied=below,
            above=below,
            searched=searched,
            found=found,
            answer=ite(searched, found, bv(0, 32)),
            evidence=Evidence(),
        )

    def _is_searched(self, below: Bool) -> Bool:
        """Whether it is looked below a page."""
        return below

    def zapped(self) -> ChildrenZapped:
        """See `ChildSyncs.zapped`."""
        level = zext(extract(var("parent->role", 32), 3, 0), 32)
        found, count = ne(var("mmu_unsync_walk()", 32), 0), var("pages.nr after mmu_unsync_walk()", 32)
        searched, before = negate(eq(level, 1)), var(f"zapped {_SOME}#2", 32)
        some = all_of(searched, found)
        zaps, done = all_of(some, ult(self._number("#2"), count)), var(f"zapped {_SOME}", 32)
        again = self._looks_again(all_of(some, negate(zaps)))
        return ChildrenZapped(
            level=level,
            searched=searched,
            found=found,
            fit=ule(count, _ROOM),
            zaps=zaps,
            zapped=self._is_zapped(zaps),
            counted=self._is_counted_above(zaps),
            before=before,
            after=self._counted(before),
            again=again,
            ends=negate(any_of(zaps, again)),
            none=bv(0, 32),
            all=done,
            answer=ite(searched, done, bv(0, 32)),
            evidence=Evidence(),
        )

    def _looks_again(self, done: Bool) -> Bool:
        """Whether it is looked for more pages when all that were found are given up."""
        return done

    def _is_zapped(self, zaps: Bool) -> Bool:
        """Whether a page that is found is given up."""
        return zaps

    def _is_counted_above(self, zaps: Bool) -> Bool:
        """Whether those above a page no longer have it for one that is out of sync."""
        return zaps

    def _counted(self, before: BitVec) -> BitVec:
        """How many count as given up, with one more."""
        return before + 1

    def searched(self) -> UnsyncRound:
        """See `ChildSyncs.searched`."""
        entry = var(f"sp->spt[{LOOKED_AT}]", 64)
        table = all_of(ne(entry & self.constants.SPTE_MMU_PRESENT_MASK, 0), negate(bit(entry, _LARGE)))
        below = ne(extract(var(f"child->unsync_children {_SOME}", 64), 31, 0), 0)
        unsync, found = ne(var("child->unsync", 1), 0), var("__mmu_unsync_walk()", 32)
        first_full, second_full = (ne(var(f"mmu_pages_add(){each}", 32), 0) for each in ("", "#2"))
        down, here = all_of(table, below), all_of(table, negate(below), unsync)
        searched = all_of(down, negate(first_full))
        empty, some = all_of(searched, eq(found, 0)), all_of(searched, slt(bv(0, 32), found))
        full = any_of(all_of(down, first_full), all_of(here, second_full))
        fails = all_of(searched, slt(found, bv(0, 32)))
        before = var(f"nr_unsync_leaf {_SOME}", 32)
        forgotten = any_of(negate(table), empty, all_of(table, negate(below), negate(unsync)))
        return UnsyncRound(
            table=table,
            below=below,
            unsync=unsync,
            full=full,
            found=found,
            added=any_of(down, here),
            searched=searched,
            forgotten=any_of(forgotten, all_of(some, self._forgets_found())),
            before=before,
            after=ite(some, before + found, ite(here, before + 1, before)),
            goes_on=negate(any_of(full, fails)),
            ends=any_of(full, fails),
            answer=ite(fails, found, bv(_NO_ROOM, 32)),
            evidence=Evidence(),
        )

    def _forgets_found(self) -> Bool:
        """Whether an entry is no longer noted below which pages are found."""
        return negate(TRUE)

    def synced(self) -> ChildrenSynced:
        """See `ChildSyncs.synced`."""
        found, count = ne(var("mmu_unsync_walk()", 32), 0), var("pages.nr after mmu_unsync_walk()", 32)
        more = [ult(self._number(each), count) for each in ("#2", "#3")]
        protects, syncing = all_of(found, more[0]), all_of(found, negate(more[0]))
        syncs, done = all_of(syncing, more[1]), all_of(syncing, negate(more[1]))
        waits = all_of(done, any_of(ne(var("need_resched()", 1), 0), ne(var("rwlock_needbreak()", 32), 0)))
        changed, may_yield = all_of(syncing, ne(var(f"protected {_SOME}#2", 1), 0)), ne(var("can_yield", 8) & 1, 0)
        stops = all_of(waits, negate(may_yield))
        return ChildrenSynced(
            found=found,
            fit=ule(count, _ROOM),
            protects=protects,
            protected=protects,
            noted=self._is_noted(),
            syncs=syncs,
            changed_before=changed,
            flushed_before=self._flushed_before(changed),
            marked=syncs,
            synced=syncs,
            counted=syncs,
            due_kept=self._is_due_kept(),
            yields=all_of(waits, may_yield),
            may_yield=may_yield,
            stops=stops,
            asked=self._asked(stops),
            flushed_between=waits,
            flushed_after=any_of(stops, negate(found)),
            evidence=Evidence(),
        )

    def _number(self, loop: str) -> BitVec:
        return var(f"i {_SOME}{loop}", 32)

    def _is_noted(self) -> Bool:
        """Whether it is remembered that write-protecting has changed something."""
        return TRUE

    def _flushed_before(self, changed: Bool) -> Bool:
        """Whether TLBs are flushed before pages are synchronized."""
        return changed

    def _is_due_kept(self) -> Bool:
        """Whether it is remembered that a flush is due."""
        return TRUE

    def _asked(self, stops: Bool) -> Bool:
        """Whether the vCPU is asked to go on later."""
        return stops
