"""Defects of what is done to each entry of a page of the shadow MMU."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.page_entries import EntryReached, Sweep
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.page_entries import ReferencePageEntries
from mmuproof.smt.terms import FALSE, BitVec, Bool, bv, ne, slt

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _KeepsMmio(ReferencePageEntries):
    def _clears(self, _mmio: Bool) -> Bool:
        return FALSE


class _KeepsLinks(ReferencePageEntries):
    def _unlinks(self, _leads_on: Bool) -> Bool:
        return FALSE


class _CountsNothing(ReferencePageEntries):
    def _told(self, _gave_up: BitVec) -> BitVec:
        return bv(0, 32)


class _ZapSparesFirst(ReferencePageEntries):
    def reached(self, sweep: Sweep) -> EntryReached:
        return super().reached(sweep) if sweep is Sweep.EMPTY else ReferencePageEntries().reached(sweep)

    def _first(self) -> BitVec:
        return bv(1, 32)


class _LastCounts(ReferencePageEntries):
    def _kept(self, _total: BitVec, found: BitVec) -> BitVec:
        return found


class _GoesOnBehind(ReferencePageEntries):
    def _synced_until(self) -> int:
        return super()._synced_until() + 1


class _SkipsMmio(ReferencePageEntries):
    def _syncs(self, entry: BitVec) -> Bool:
        return ne(entry & self.constants.SPTE_MMU_PRESENT_MASK, 0)


class _KeepsUnsynced(ReferencePageEntries):
    def _gives_up(self, found: BitVec) -> Bool:
        return slt(found, bv(-1, 32))


def _entries(variant: type[ReferencePageEntries]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, page_entries=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "entry-zap-keeps-mmio",
        "A page that is given up keeps its MMIO SPTEs.",
        _MMU_C,
        r"\} else if \(is_mmio_spte\([^)]*pte\)\) \{\s+mmu_spte_clear_no_track\(spte\);\s+\}(\s+return 0;)",
        r"}\1",
        _entries(_KeepsMmio),
    ),
    defect(
        "entry-zap-keeps-links",
        "A page that is given up still leads to the pages below it.",
        _MMU_C,
        r"drop_parent_pte\([^;]*child, spte\);(\s+/\*\s+\* Recursively zap)",
        r"\1",
        _entries(_KeepsLinks),
    ),
    defect(
        "entry-zap-counts-nothing",
        "A page that is given up hides that pages below it went with it.",
        _MMU_C,
        r"return (kvm_mmu_prepare_zap_page\(kvm, child,\s+invalid_list\));",
        r"(void)\1;",
        _entries(_CountsNothing),
    ),
    defect(
        "page-zap-spares-first",
        "A page that is given up keeps its first entry.",
        _MMU_C,
        r"for \(i = 0(; i < SPTE_ENT_PER_PAGE; \+\+i\)\s+zapped \+= mmu_page_zap)",
        r"for (i = 1\1",
        _entries(_ZapSparesFirst),
    ),
    defect(
        "page-sync-last-entry-counts",
        "Whether TLBs are flushed for a page that was synchronized is decided by its last entry.",
        _MMU_C,
        r"flush \|= ret;(\s+\}\s+/\*)",
        r"flush = ret;\1",
        _entries(_LastCounts),
    ),
    defect(
        "page-sync-goes-behind",
        "What lies behind a page of SPTEs is synchronized as if it were one.",
        _MMU_C,
        r"(for \(i = 0; i <)( SPTE_ENT_PER_PAGE; i\+\+\) \{\s+int ret = kvm_sync_spte)",
        r"\1=\2",
        _entries(_GoesOnBehind),
    ),
    defect(
        "entry-sync-skips-mmio",
        "MMIO SPTEs are not synchronized with the guest's entries.",
        _MMU_C,
        r"if \(sp->spt\[i\] == SHADOW_NONPRESENT_VALUE\)(\s+return 0;)",
        r"if (!is_shadow_present_pte(sp->spt[i]))\1",
        _entries(_SkipsMmio),
    ),
    defect(
        "page-sync-keeps-stale",
        "A page that could not be synchronized stays in use.",
        _MMU_C,
        r"(int ret = __kvm_sync_page\(vcpu, sp\);\s+if \(ret < )0\)",
        r"\1-1)",
        _entries(_KeepsUnsynced),
    ),
)
