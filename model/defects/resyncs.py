"""Defects of how SPTEs follow single entries of guest tables."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.edits import SourceEdit
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.resyncs import ReferenceResyncs
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, boolean, bv

_PAGING = "arch/x86/kvm/mmu/paging_tmpl.h"


class _AheadIgnoresClean(ReferenceResyncs):
    def _protects(self, *, ahead: bool) -> Bool:
        return boolean(not ahead)


class _SyncIgnoresClean(ReferenceResyncs):
    def _protects(self, *, ahead: bool) -> Bool:
        return boolean(ahead)


class _NotAccessed(ReferenceResyncs):
    def _not_accessed(self, gpte: BitVec, mask: int) -> Bool:
        return FALSE


class _IgnoresFrame(ReferenceResyncs):
    def _moved(self, gfn: BitVec, noted_gfn: BitVec) -> Bool:
        return FALSE


class _IgnoresQuadrant(ReferenceResyncs):
    def _quadrant_entries(self, quadrant: BitVec) -> BitVec:
        return bv(0, quadrant.width)


class _KeepsRights(ReferenceResyncs):
    def _changed(self, noted_access: BitVec, access: BitVec) -> Bool:
        return FALSE


class _WithoutParents(ReferenceResyncs):
    def _of_parents(self, role_access: BitVec) -> BitVec:
        return bv(self.constants.ACC_ALL, role_access.width)


class _HostWritable(ReferenceResyncs):
    def _host_writable(self) -> Bool:
        return TRUE


class _OtherSlot(ReferenceResyncs):
    def _is_in_slot(self) -> Bool:
        return FALSE


class _Unsyncs(ReferenceResyncs):
    def _is_synchronizing(self) -> Bool:
        return FALSE


def _resyncs(variant: type[ReferenceResyncs]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, resyncs=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "prefetch-ignores-clean",
        "A page is prefetched as writable although the guest's entry is clean.",
        _PAGING,
        r"(sp->role\.access & FNAME\(gpte_access\)\(gpte\);\s+)FNAME\(protect_clean_gpte\)\([^;]*;",
        r"\1;",
        _resyncs(_AheadIgnoresClean),
    ),
    defect(
        "sync-ignores-clean",
        "Synchronizing makes an SPTE writable although the guest's entry is clean.",
        _PAGING,
        r"(pte_access &= FNAME\(gpte_access\)\(gpte\);\s+)FNAME\(protect_clean_gpte\)\([^;]*;",
        r"\1;",
        _resyncs(_SyncIgnoresClean),
    ),
    defect(
        "prefetch-not-accessed",
        "Entries of guest tables are followed whose accessed flag is clear.",
        _PAGING,
        r"!\(gpte & PT_GUEST_ACCESSED_MASK\)\)(\s+goto no_present;)",
        r"false)\1",
        _resyncs(_NotAccessed),
    ),
    defect(
        "sync-ignores-frame",
        "Synchronizing keeps an SPTE although the guest's entry leads to another frame.",
        _PAGING,
        r" \|\|\s+gfn != kvm_mmu_page_get_gfn\(sp, i\)\) \{",
        ") {",
        _resyncs(_IgnoresFrame),
    ),
    defect(
        "sync-ignores-quadrant",
        "Synchronizing a page of 32-bit tables reads the first quarter of the guest's table.",
        _PAGING,
        r"offset = sp->role\.quadrant << SPTE_LEVEL_BITS;",
        "offset = 0;",
        _resyncs(_IgnoresQuadrant),
    ),
    defect(
        "sync-keeps-rights",
        "Synchronizing leaves an SPTE as it is although the guest's entry grants other rights.",
        _PAGING,
        r"if \(kvm_mmu_page_get_access\(sp, i\) == pte_access\)",
        "if (kvm_mmu_page_get_access(sp, i) || 1)",
        _resyncs(_KeepsRights),
    ),
    defect(
        "sync-host-writable",
        "Synchronizing takes every page for one that the host may write.",
        _PAGING,
        r"host_writable = spte & shadow_host_writable_mask;",
        "host_writable = true;",
        _resyncs(_HostWritable),
    ),
    defect(
        "sync-other-slot",
        "An SPTE that is synchronized is made by what the slot of its table says, not that of its frame.",
        _PAGING,
        r"slot = kvm_vcpu_gfn_to_memslot\(vcpu, gfn\);(\s+make_spte)",
        r"slot = kvm_vcpu_gfn_to_memslot(vcpu, sp->gfn);\1",
        _resyncs(_OtherSlot),
    ),
    defect(
        "sync-unsyncs",
        "Synchronizing makes a page of the guest's tables writable, and lets it get out of sync.",
        _PAGING,
        r"(spte_to_pfn\(spte\), spte, true, )true(,\s+host_writable, &spte\);)",
        r"\1false\2",
        _resyncs(_Unsyncs),
    ),
    Defect(
        "follows-entry-without-parents",
        "An entry of guest tables is followed without what the entries above it grant.",
        (
            SourceEdit(_PAGING, r"pte_access = sp->role\.access;", "pte_access = ACC_ALL;"),
            SourceEdit(_PAGING, r"sp->role\.access & (FNAME\(gpte_access\)\(gpte\);)", r"\1"),
        ),
        _resyncs(_WithoutParents),
    ),
)
