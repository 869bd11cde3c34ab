"""Rounds of the loops of Linux 7.2.13 over a range of frames."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.model.evidence import CheckKind, Evidence
from mmuproof.model.range_rounds import (
    ChangeTold,
    ClearDirtyFramesRound,
    ClearDirtyRound,
    EntryRound,
    RangeRounds,
    RecoverRound,
    SplitRound,
    WriteProtectFrameRound,
    WriteProtectRound,
    ZapRootRound,
    ZapRound,
)
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    bv,
    eq,
    implies,
    ite,
    ne,
    negate,
    sle,
    ule,
    ult,
    var,
)

_ROUNDS = "after some rounds"
_LEVEL, _SPTE = var(f"iter.level {_ROUNDS}", 32), var(f"iter.old_spte {_ROUNDS}", 64)
_WALK_GFN, _TRIED = var(f"iter.gfn {_ROUNDS}", 64), var(f"iter.old_spte {_ROUNDS}#2", 64)
"""``_TRIED`` is what is there when a round begins anew."""
_WRITABLE, _PAGE_SIZE, _LARGEST, _EAGAIN = 1, 7, 3, 11
_CHANGED = bit(var(f"spte_set {_ROUNDS}", 1), 0)
_DUE = bit(var(f"flush {_ROUNDS}", 1), 0)


class ReferenceRangeRounds(ReferenceArea, RangeRounds):
    """The loops of ``tdp_mmu.c``.

    Args:
        constants: the kernel's numbers.
        sptes: the predicates.
    """

    def __init__(self, constants: Constants | None = None, sptes: ReferenceSptes | None = None) -> None:
        super().__init__(constants)
        self._sptes = sptes or ReferenceSptes(self.constants)

    def zap(self) -> ZapRound:
        """See `RangeRounds.zap`."""
        end, highest = var("end", 64), var("tdp_mmu_max_gfn_exclusive()", 64)
        before_end = ult(var(f"iter.gfn {_ROUNDS}", 64), ite(ult(end, highest), end, highest))
        in_range = all_of(bit(var(f"iter.valid {_ROUNDS}", 1), 0), before_end)
        yielded = all_of(in_range, bit(var("can_yield", 8), 0), bit(var("tdp_mmu_iter_cond_resched()", 1), 0))
        zapped = all_of(in_range, negate(yielded), self._sptes.is_shadow_present_pte(_SPTE), self._is_leaf())
        unused = role_flag(var(f"root->role {_ROUNDS}", PAGE_ROLE_BITS), "invalid")
        return ZapRound(
            function="tdp_mmu_zap_leafs",
            in_range=in_range,
            level=_LEVEL,
            spte=_SPTE,
            yielded=yielded,
            told=_DUE,
            zapped=zapped,
            unused=unused,
            goes_on=in_range,
            due=_DUE,
            due_after=all_of(negate(yielded), self._due_after(all_of(zapped, negate(unused)))),
            answer=_DUE,
            evidence=Evidence(),
        )

    # -- entries that other CPUs may change too --------------------------------------------------------

    def _entry(
        self,
        function: str,
        *,
        enters: Bool,
        first_gfn: BitVec,
        lowest: BitVec,
        end: BitVec,
        wanted: Bool,
        new: BitVec,
        sets: str = "tdp_mmu_set_spte_atomic",
    ) -> EntryRound:
        """A round in which the entry is changed if it is wanted, and that begins anew where another CPU was first."""
        in_range = all_of(bit(var(f"iter.valid {_ROUNDS}", 1), 0), ult(_WALK_GFN, end))
        here = all_of(enters, in_range)
        yielded = all_of(here, bit(var("tdp_mmu_iter_cond_resched()", 1), 0))
        changes = all_of(here, negate(yielded), wanted)
        failed = all_of(changes, ne(var(f"{sets}()", 32), 0))
        again = all_of(failed, self._tries_again())
        return EntryRound(
            function=function,
            enters=enters,
            first_gfn=first_gfn,
            lowest=lowest,
            in_range=in_range,
            gfn=_WALK_GFN,
            level=_LEVEL,
            spte=ite(here, _TRIED, _SPTE),
            yielded=yielded,
            changes=changes,
            new=new,
            elsewhere=FALSE,
            failed=failed,
            again=again,
            goes_on=all_of(here, negate(again)),
            evidence=Evidence(),
        )

    def _tries_again(self) -> Bool:
        """Whether a round begins anew where another CPU has changed the entry."""
        return TRUE

    def _present(self) -> Bool:
        return self._sptes.is_shadow_present_pte(_TRIED)

    def _tried_leaf(self) -> Bool:
        return self._sptes.is_last_spte(_TRIED, _LEVEL)

    def write_protect(self) -> WriteProtectRound:
        """See `RangeRounds.write_protect`."""
        start, min_level = var("start", 64), var("min_level", 32)
        entry = self._entry(
            "wrprot_gfn_range",
            enters=sle(min_level, bv(_LARGEST, 32)),
            first_gfn=start,
            lowest=min_level,
            end=var("end", 64),
            wanted=all_of(self._present(), self._tried_leaf(), bit(_TRIED, _WRITABLE)),
            new=_TRIED & ~(1 << _WRITABLE),
        )
        return WriteProtectRound(entry=entry, start=start, min_level=min_level, told=self._told(entry))

    def _told(self, entry: EntryRound) -> ChangeTold:
        """What a function tells its caller."""
        changed = all_of(entry.changes, negate(entry.failed))
        return ChangeTold(
            before=_CHANGED,
            goes_on=entry.goes_on,
            after=any_of(_CHANGED, self._is_told(entry, changed)),
            ends=all_of(entry.enters, negate(entry.goes_on), negate(entry.again)),
            answer=all_of(entry.enters, _CHANGED),
        )

    def _is_told(self, _entry: EntryRound, changed: Bool) -> Bool:
        """Whether the caller is told of what a round does."""
        return changed

    def write_protect_frame(self) -> WriteProtectFrameRound:
        """See `RangeRounds.write_protect_frame`."""
        gfn, min_level, mmu_writable = var("gfn", 64), var("min_level", 32), var("shadow_mmu_writable_mask", 64)
        bits, maps_page = self._unwritable(mmu_writable), self._maps_page()
        changes = all_of(maps_page, ne(_SPTE & bits, 0))
        enters = sle(min_level, bv(_LARGEST, 32))
        here = all_of(enters, self._in_range(gfn + 1))
        entry = EntryRound(
            function="write_protect_gfn",
            enters=enters,
            first_gfn=gfn,
            lowest=min_level,
            in_range=self._in_range(gfn + 1),
            gfn=_WALK_GFN,
            level=_LEVEL,
            spte=_SPTE,
            yielded=FALSE,
            changes=all_of(here, changes),
            new=_SPTE & ~bits,
            elsewhere=FALSE,
            failed=FALSE,
            again=FALSE,
            goes_on=all_of(here, negate(all_of(maps_page, eq(_SPTE & bits, 0)))),
            evidence=Evidence(),
        )
        return WriteProtectFrameRound(
            entry=entry, gfn=gfn, min_level=min_level, mmu_writable=mmu_writable, told=self._told(entry)
        )

    def _unwritable(self, mmu_writable: BitVec) -> BitVec:
        """The bits that are cleared so that no fault makes the page writable again."""
        return mmu_writable | 1 << _WRITABLE

    def clear_dirty(self) -> ClearDirtyRound:
        """See `RangeRounds.clear_dirty`."""
        start, mask = var("start", 64), var("shadow_dirty_mask", 64)
        protects = bit(var("tdp_mmu_need_write_protect()", 1), 0)
        flag = ite(protects, bv(1 << _WRITABLE, 64), mask)
        maps_page = all_of(self._present(), self._clears(self._tried_leaf()))
        entry = self._entry(
            "clear_dirty_gfn_range",
            enters=TRUE,
            first_gfn=start,
            lowest=bv(1, 32),
            end=var("end", 64),
            wanted=all_of(maps_page, ne(_TRIED & flag, 0)),
            new=_TRIED & ~flag,
        )
        yielded = all_of(entry.yielded, maps_page)
        return ClearDirtyRound(entry=replace(entry, yielded=yielded), start=start, protects=protects, dirty_mask=mask)

    def clear_dirty_frames(self) -> ClearDirtyFramesRound:
        """See `RangeRounds.clear_dirty_frames`."""
        gfn, asked, left = var("gfn", 64), var("mask", 64), var(f"mask {_ROUNDS}", 64)
        dirty, wrprot = var("shadow_dirty_mask", 64), bit(var("wrprot", 8), 0)
        protects = any_of(wrprot, bit(var("tdp_mmu_need_write_protect()", 1), 0))
        flag = ite(self._protects(wrprot, protects), bv(1 << _WRITABLE, 64), dirty)
        first = bv(0, 64)
        for number in reversed(range(64)):
            first = ite(bit(asked, number), bv(number, 64), first)
        in_range, own = self._in_range(gfn + self._masked()), bv(1, 64) << (_WALK_GFN - gfn)
        maps_page = all_of(in_range, self._maps_page())
        mine = all_of(maps_page, sle(_LEVEL, bv(1, 32)), ne(left & own, 0))
        changes = all_of(mine, ne(_SPTE & flag, 0))
        trace = Trace("clear_dirty_pt_masked")
        trace.check(CheckKind.SHIFT, ne(asked, 0))
        shifts = all_of(maps_page, ne(left, 0), sle(_LEVEL, bv(1, 32)))
        trace.check(CheckKind.SHIFT, implies(shifts, ult(_WALK_GFN - gfn, 64)))
        entry = EntryRound(
            function="clear_dirty_pt_masked",
            enters=TRUE,
            first_gfn=gfn + first,
            lowest=bv(1, 32),
            in_range=self._in_range(gfn + 64),
            gfn=_WALK_GFN,
            level=_LEVEL,
            spte=_SPTE,
            yielded=FALSE,
            changes=changes,
            new=_SPTE & ~flag,
            elsewhere=FALSE,
            failed=FALSE,
            again=FALSE,
            goes_on=all_of(in_range, negate(all_of(maps_page, eq(left, 0)))),
            evidence=trace.evidence,
        )
        return ClearDirtyFramesRound(
            entry=entry,
            gfn=gfn,
            asked=asked,
            mask_at_first=asked,
            mask=left,
            goes_on=entry.goes_on,
            mask_after=ite(mine, left & ~own, left),
            protects=protects,
            wrprot=wrprot,
            dirty_mask=dirty,
        )

    def _masked(self) -> int:
        """How many frames a mask means."""
        return 64

    def _protects(self, _wrprot: Bool, protects: Bool) -> Bool:
        """Whether pages are write-protected instead of clearing their dirty flags."""
        return protects

    def _maps_page(self) -> Bool:
        """Whether the entry of the walk maps a page."""
        return all_of(self._sptes.is_shadow_present_pte(_SPTE), self._sptes.is_last_spte(_SPTE, _LEVEL))

    @staticmethod
    def _in_range(end: BitVec) -> Bool:
        """Whether the walk stands at an entry before a frame."""
        return all_of(bit(var(f"iter.valid {_ROUNDS}", 1), 0), ult(_WALK_GFN, end))

    def _clears(self, leaf: Bool) -> Bool:
        """Whether an entry may be one whose dirty flag is to be cleared."""
        return leaf

    def zap_root(self) -> ZapRootRound:
        """See `RangeRounds.zap_root`."""
        zap_level, shared = var("zap_level", 32), bit(var("shared", 8), 0)
        entry = self._entry(
            "__tdp_mmu_zap_root",
            enters=TRUE,
            first_gfn=bv(0, 64),
            lowest=zap_level,
            end=var("tdp_mmu_max_gfn_exclusive()", 64),
            wanted=all_of(self._present(), self._is_zapped(zap_level)),
            new=bv(self.constants.SHADOW_NONPRESENT_VALUE, 64),
        )
        failed, again = all_of(entry.failed, shared), all_of(entry.again, shared)
        goes_on = all_of(entry.in_range, negate(again))
        return ZapRootRound(entry=replace(entry, failed=failed, again=again, goes_on=goes_on), zap_level=zap_level)

    def _is_zapped(self, zap_level: BitVec) -> Bool:
        """Whether entries of the walk's level are to be taken away."""
        return sle(_LEVEL, zap_level)

    def split(self) -> SplitRound:
        """See `RangeRounds.split`."""
        start, target = var("start", 64), var("target_level", 32)
        huge = all_of(self._present(), bit(_TRIED, _PAGE_SIZE))
        none, refused = bool_var(f"sp {_ROUNDS} == NULL"), bool_var("tdp_mmu_alloc_sp_for_split() == NULL")
        entry = self._entry(
            "tdp_mmu_split_huge_pages_root",
            enters=TRUE,
            first_gfn=start,
            lowest=target + 1,
            end=var("end", 64),
            wanted=all_of(huge, negate(none)),
            new=bv(0, 64),
            sets="tdp_mmu_split_huge_page",
        )
        without_page = all_of(entry.in_range, negate(entry.yielded), huge, none)
        return SplitRound(
            entry=replace(entry, goes_on=all_of(entry.goes_on, negate(all_of(without_page, refused)))),
            start=start,
            target_level=target,
            unprepared=all_of(entry.changes, self._is_unprepared()),
            without_page=without_page,
            looks_again=all_of(negate(refused), self._looks_again()),
        )

    def _is_unprepared(self) -> Bool:
        """Whether the page for a table has not been set up."""
        return FALSE

    def _looks_again(self) -> Bool:
        """Whether the walk comes again to an entry for which a page has been made."""
        return TRUE

    def recover(self) -> RecoverRound:
        """See `RangeRounds.recover`."""
        base, npages = var("slot->base_gfn", 64), var("slot->npages", 64)
        largest, made = var("kvm_mmu_max_mapping_level()", 32), var("tdp_mmu_make_huge_spte()", 32)
        enters = negate(bit(var("slot->flags", 32), 0))
        wanted = all_of(
            sle(_LEVEL, bv(_LARGEST, 32)),
            self._present(),
            negate(self._tried_leaf()),
            self._inside(base, base + npages),
            sle(_LEVEL, largest),
        )
        huge = var("huge_spte after tdp_mmu_make_huge_spte()", 64)
        entry = self._entry(
            "recover_huge_pages_range",
            enters=enters,
            first_gfn=base,
            lowest=bv(2, 32),
            end=base + npages,
            wanted=all_of(wanted, eq(made, 0)),
            new=huge,
        )
        here = all_of(enters, entry.in_range, negate(entry.yielded))
        busy = all_of(here, wanted, eq(made, -_EAGAIN))
        again = any_of(entry.again, busy)
        return RecoverRound(
            entry=replace(entry, again=again, goes_on=all_of(entry.goes_on, negate(busy))),
            base_gfn=base,
            npages=npages,
            max_level=largest,
            made=all_of(here, wanted, eq(made, 0)),
            huge_spte=huge,
        )

    def _inside(self, first: BitVec, end: BitVec) -> Bool:
        """Whether the entry of the walk begins inside a memory slot."""
        return all_of(ule(first, _WALK_GFN), ult(_WALK_GFN, end))

    # -- pages that are taken away ---------------------------------------------------------------------

    def _is_leaf(self) -> Bool:
        return self._sptes.is_last_spte(_SPTE, _LEVEL)

    def _due_after(self, zapped: Bool) -> Bool:
        """Whether a flush is due after a round."""
        return any_of(_DUE, zapped)
