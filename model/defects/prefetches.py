"""Defects of what is mapped ahead of any access."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.prefetches import ReferencePrefetches
from mmuproof.smt.terms import FALSE, TRUE, Bool

_MMU_C, _TEMPLATE_H = "arch/x86/kvm/mmu/mmu.c", "arch/x86/kvm/mmu/paging_tmpl.h"


class _Overwrites(ReferencePrefetches):
    def _overwrites(self) -> Bool:
        return TRUE


class _ByFirstEntry(ReferencePrefetches):
    def _mistakes_entries(self) -> Bool:
        return TRUE


class _MapsAheadByPlace(ReferencePrefetches):
    def _goes_by_place(self, direct: Bool) -> Bool:
        return TRUE


class _WithoutAccessedBits(ReferencePrefetches):
    def _has_accessed_bits(self, _has: Bool) -> Bool:
        return TRUE


class _WhileTaken(ReferencePrefetches):
    def _may_be_taken(self, _invalidating: Bool) -> Bool:
        return TRUE


class _Unlogged(ReferencePrefetches):
    def _is_avoided(self, _writable: Bool, _logged: Bool) -> Bool:
        return FALSE


class _FirstFrameForAll(ReferencePrefetches):
    def _stays_at_first(self) -> Bool:
        return TRUE


class _PrefetchGrantsAll(ReferencePrefetches):
    def _grants_otherwise(self) -> Bool:
        return TRUE


def _ahead(variant: type[ReferencePrefetches]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, prefetches=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "ahead-over-mapped",
        "Entries are mapped ahead that map something already.",
        _TEMPLATE_H,
        r"if \(is_shadow_present_pte\(\*spte\)\)\s+continue;(\s+if \(!FNAME\(prefetch_gpte\))",
        r"\1",
        _ahead(_Overwrites),
    ),
    defect(
        "ahead-by-first-entry",
        "Entries are mapped ahead by the first of the guest's entries that are read.",
        _TEMPLATE_H,
        r"(if \(!FNAME\(prefetch_gpte\)\(vcpu, sp, spte, )gptep\[i\]",
        r"\1gptep[0]",
        _ahead(_ByFirstEntry),
    ),
    defect(
        "ahead-by-place",
        "Entries of a page that shadows a guest's table are mapped ahead by their places, not by the guest's entries.",
        _TEMPLATE_H,
        r"if \(sp->role\.direct\)(\s+return __direct_pte_prefetch)",
        r"if (sp)\1",
        _ahead(_MapsAheadByPlace),
    ),
    defect(
        "ahead-without-accessed-bits",
        "Entries are mapped ahead of which nobody can tell later whether they were used.",
        _MMU_C,
        r"if \(sp_ad_disabled\(sp\)\)\s+return;(\s+if \(sp->role\.level > PG_LEVEL_4K\))",
        r"\1",
        _ahead(_WithoutAccessedBits),
    ),
    defect(
        "ahead-while-taken",
        "Entries are mapped ahead while the host takes memory away.",
        _MMU_C,
        r"if \(unlikely\(vcpu->kvm->mmu_invalidate_in_progress\)\)\s+return;(\s+__direct_pte_prefetch)",
        r"\1",
        _ahead(_WhileTaken),
    ),
    defect(
        "ahead-unlogged",
        "Entries are mapped ahead as writable although writes to their slot are logged.",
        _MMU_C,
        r"if \(no_dirty_log && kvm_slot_dirty_track_enabled\(slot\)\)\s+return NULL;",
        "",
        _ahead(_Unlogged),
    ),
    defect(
        "ahead-of-one-frame",
        "All entries that are mapped ahead at once get the first one's frame.",
        _MMU_C,
        r"for \(i = 0; i < nr_pages; i\+\+, gfn\+\+, sptep\+\+\)",
        "for (i = 0; i < nr_pages; i++, sptep++)",
        _ahead(_FirstFrameForAll),
    ),
    defect(
        "ahead-grants-all",
        "Entries that are mapped ahead without a guest's table permit everything.",
        _MMU_C,
        r"(unsigned int access = )sp->role\.access;(\s+(?:struct[^;]+;\s+)*return kvm_mmu_prefetch_sptes)",
        r"\1ACC_ALL;\2",
        _ahead(_PrefetchGrantsAll),
    ),
)
