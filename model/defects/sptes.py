"""Defects of making and tracking SPTEs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.smt.terms import BitVec, Bool, bv, eq

_SPTE_H = "arch/x86/kvm/mmu/spte.h"
_SPTE_C = "arch/x86/kvm/mmu/spte.c"


class _ExecSwapped(ReferenceSptes):
    def _ept_execute_permissions(self, masks: ShadowMasks, pte_access: BitVec) -> BitVec:
        return super()._ept_execute_permissions(replace(masks, x=masks.xu, xu=masks.x), pte_access)


class _AlwaysReadable(ReferenceSptes):
    def _read_permission(self, pte_access: BitVec) -> BitVec:
        return bv(self.constants.PT_PRESENT_MASK, 64)


class _HostReadonlyIgnored(ReferenceSptes):
    def _host_protected(self, pte_access: BitVec, host_writable: Bool) -> BitVec:
        return pte_access


class _NxHugeClearsUser(ReferenceSptes):
    def _without_execution(self, masks: ShadowMasks, pte_access: BitVec) -> BitVec:
        return pte_access & ~(self.constants.ACC_EXEC_MASK | self.constants.ACC_USER_EXEC_MASK)


class _RestoreOffByOne(ReferenceSptes):
    def _saved_bits(self, spte: BitVec) -> BitVec:
        return super()._saved_bits(spte >> 1)


class _TrackAgainForgets(ReferenceSptes):
    def _mark_again(self, spte: BitVec) -> BitVec:
        return spte & ~self.constants.acc_track_saved_slots


class _UnsyncNegated(ReferenceSptes):
    def _unsync_refused(self, result: BitVec) -> Bool:
        return eq(result, 0)


class _MarkTakesAll(ReferenceSptes):
    def _mark_with_ad_bits(self, masks: ShadowMasks, spte: BitVec) -> BitVec:
        return spte & ~masks.acc_track


DEFECTS: tuple[Defect, ...] = (
    defect(
        "exec-and-user-exec-swapped", "make_spte() sets XU for EXEC and XS for USER_EXEC.",
        _SPTE_C,
        r"(if \(pte_access & )ACC_EXEC_MASK(\)\s+spte \|= shadow_xs_mask;\s+if \(pte_access & )"
        r"ACC_USER_EXEC_MASK",
        r"\1ACC_USER_EXEC_MASK\2ACC_EXEC_MASK",
        partial(ReferenceKvm, sptes=_ExecSwapped),
    ),
    defect(
        "make-spte-always-readable", "make_spte() makes every page readable.",
        _SPTE_C, r"if \(pte_access & ACC_READ_MASK\)\s+(spte \|= PT_PRESENT_MASK;)", r"\1",
        partial(ReferenceKvm, sptes=_AlwaysReadable),
    ),
    defect(
        "write-for-host-readonly", "make_spte() makes pages writable that the host may not write.",
        _SPTE_C, r"(spte \|= shadow_host_writable_mask;\s+)else\s+pte_access &= ~ACC_WRITE_MASK;", r"\1",
        partial(ReferenceKvm, sptes=_HostReadonlyIgnored),
    ),
    defect(
        "nx-huge-page-clears-user", "The NX huge page mitigation takes ACC_USER from AMD's huge pages.",
        _SPTE_C, r"if \(shadow_xu_mask\)(\s+pte_access &= ~ACC_USER_EXEC_MASK;)", r"if (1)\1",
        partial(ReferenceKvm, sptes=_NxHugeClearsUser),
    ),
    defect(
        "restore-shift-off-by-one", "Restoring takes the saved permissions from one bit too high.",
        _SPTE_H, r"(u64 saved_bits = \(spte >> SHADOW_ACC_TRACK_SAVED_BITS_SHIFT)\)", r"\1 >> 1)",
        partial(ReferenceKvm, sptes=_RestoreOffByOne),
    ),
    defect(
        "track-again-forgets", "Marking an access-tracked SPTE again forgets what was saved.",
        _SPTE_C, r"(if \(is_access_track_spte\(spte\)\)\s+return spte);(\s+check_spte)",
        r"\1 & ~(SHADOW_ACC_TRACK_SAVED_BITS_MASK << SHADOW_ACC_TRACK_SAVED_BITS_SHIFT);\2",
        partial(ReferenceKvm, sptes=_TrackAgainForgets),
    ),
    defect(
        "write-tracking-negated", "make_spte() makes writable what has to stay write-protected, and nothing else.",
        _SPTE_C, r"(\s)(mmu_try_to_unsync_pages\(vcpu->kvm)", r"\1!\2",
        partial(ReferenceKvm, sptes=_UnsyncNegated),
    ),
    defect(
        "mark-with-ad-bits-takes-all", "Marking an SPTE with A/D bits takes its permissions away, not A.",
        _SPTE_C, r"return spte & ~shadow_accessed_mask;", "return spte & ~shadow_acc_track_mask;",
        partial(ReferenceKvm, sptes=_MarkTakesAll),
    ),
)  # fmt: skip
