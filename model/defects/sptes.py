"""Defects of making and tracking SPTEs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.model.sptes import AskedMemoryType, AskedToUnsync, SpteRequest
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bool_var, bv, eq, ite, negate

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


class _SynchronizedUnused(ReferenceSptes):
    def _is_used(self, request: SpteRequest) -> Bool:
        return negate(request.prefetch)


class _PrefetchedNotTracked(ReferenceSptes):
    def _is_unused(self, request: SpteRequest) -> Bool:
        return FALSE


class _MarkKeepsAccessed(ReferenceSptes):
    def _used(self, masks: ShadowMasks) -> BitVec:
        return bv(0, 64)


class _NotLogged(ReferenceSptes):
    def _marks_dirty(self, becomes_writable: Bool) -> Bool:
        return FALSE


class _TablesCountAsWritable(ReferenceSptes):
    def _is_asked_about(self, request: SpteRequest) -> Bool:
        return negate(self.is_writable_pte(request.old_spte))


class _AsksOtherwise(ReferenceSptes):
    def _asked_to_unsync(self, request: SpteRequest, called: Bool) -> AskedToUnsync:
        swapped = replace(request, synchronizing=request.prefetch, prefetch=request.synchronizing)
        return super()._asked_to_unsync(swapped, called)


class _MmioSwapped(ReferenceSptes):
    def _asked_memory_type(self, masks: ShadowMasks, request: SpteRequest, maps_mmio: Bool) -> AskedMemoryType:
        return super()._asked_memory_type(masks, request, negate(maps_mmio))


class _NotNoted(ReferenceSptes):
    def _notes(self, request: SpteRequest, maps_mmio: Bool) -> Bool:
        return FALSE


class _AsksOfGuestFrame(ReferenceSptes):
    def _notes(self, request: SpteRequest, maps_mmio: Bool) -> Bool:
        return ite(eq(request.gfn, request.pfn), maps_mmio, bool_var("kvm_is_mmio_pfn() of another frame"))


class _NotedInVm(ReferenceSptes):
    def _notes_in_page(self, with_page: Bool) -> Bool:
        return FALSE

    def _notes_in_vm(self, with_page: Bool) -> Bool:
        return TRUE


class _NotedQuietly(ReferenceSptes):
    def _leaves_guest(self) -> Bool:
        return FALSE


class _AnswerForgotten(ReferenceSptes):
    def _remembered(self, is_mmio: Bool) -> Bool:
        return FALSE


DEFECTS: tuple[Defect, ...] = (
    defect(
        "exec-and-user-exec-swapped",
        "make_spte() sets XU for EXEC and XS for USER_EXEC.",
        _SPTE_C,
        r"(if \(pte_access & )ACC_EXEC_MASK(\)\s+spte \|= shadow_xs_mask;\s+if \(pte_access & )"
        r"ACC_USER_EXEC_MASK",
        r"\1ACC_USER_EXEC_MASK\2ACC_EXEC_MASK",
        partial(ReferenceKvm, sptes=_ExecSwapped),
    ),
    defect(
        "make-spte-always-readable",
        "make_spte() makes every page readable.",
        _SPTE_C,
        r"if \(pte_access & ACC_READ_MASK\)\s+(spte \|= PT_PRESENT_MASK;)",
        r"\1",
        partial(ReferenceKvm, sptes=_AlwaysReadable),
    ),
    defect(
        "write-for-host-readonly",
        "make_spte() makes pages writable that the host may not write.",
        _SPTE_C,
        r"(spte \|= shadow_host_writable_mask;\s+)else\s+pte_access &= ~ACC_WRITE_MASK;",
        r"\1",
        partial(ReferenceKvm, sptes=_HostReadonlyIgnored),
    ),
    defect(
        "nx-huge-page-clears-user",
        "The NX huge page mitigation takes ACC_USER from AMD's huge pages.",
        _SPTE_C,
        r"if \(shadow_xu_mask\)(\s+pte_access &= ~ACC_USER_EXEC_MASK;)",
        r"if (1)\1",
        partial(ReferenceKvm, sptes=_NxHugeClearsUser),
    ),
    defect(
        "restore-shift-off-by-one",
        "Restoring takes the saved permissions from one bit too high.",
        _SPTE_H,
        r"(u64 saved_bits = \(spte >> SHADOW_ACC_TRACK_SAVED_BITS_SHIFT)\)",
        r"\1 >> 1)",
        partial(ReferenceKvm, sptes=_RestoreOffByOne),
    ),
    defect(
        "track-again-forgets",
        "Marking an access-tracked SPTE again forgets what was saved.",
        _SPTE_C,
        r"(if \(is_access_track_spte\(spte\)\)\s+return spte);(\s+check_spte)",
        r"\1 & ~(SHADOW_ACC_TRACK_SAVED_BITS_MASK << SHADOW_ACC_TRACK_SAVED_BITS_SHIFT);\2",
        partial(ReferenceKvm, sptes=_TrackAgainForgets),
    ),
    defect(
        "write-tracking-negated",
        "make_spte() makes writable what has to stay write-protected, and nothing else.",
        _SPTE_C,
        r"(\s)(mmu_try_to_unsync_pages\(vcpu->kvm)",
        r"\1!\2",
        partial(ReferenceKvm, sptes=_UnsyncNegated),
    ),
    defect(
        "mark-with-ad-bits-takes-all",
        "Marking an SPTE with A/D bits takes its permissions away, not A.",
        _SPTE_C,
        r"return spte & ~shadow_accessed_mask;",
        "return spte & ~shadow_acc_track_mask;",
        partial(ReferenceKvm, sptes=_MarkTakesAll),
    ),
    defect(
        "synchronized-without-accessed",
        "make_spte() makes SPTEs that are synchronized as if they were not used.",
        _SPTE_C,
        r"if \(!prefetch \|\| synchronizing\)",
        "if (!prefetch)",
        partial(ReferenceKvm, sptes=_SynchronizedUnused),
    ),
    defect(
        "prefetched-not-tracked",
        "make_spte() does not access-track what it prefetches.",
        _SPTE_C,
        r"if \(prefetch && !synchronizing\)",
        "if (0)",
        partial(ReferenceKvm, sptes=_PrefetchedNotTracked),
    ),
    defect(
        "track-keeps-accessed",
        "An access-tracked SPTE still counts as used.",
        _SPTE_C,
        r"spte &= ~\(shadow_acc_track_mask \| shadow_accessed_mask\);",
        "spte &= ~shadow_acc_track_mask;",
        partial(ReferenceKvm, sptes=_MarkKeepsAccessed),
    ),
    defect(
        "writable-not-logged",
        "make_spte() does not mark a page in the dirty log that becomes writable.",
        _SPTE_C,
        r"mark_page_dirty_in_slot\(vcpu->kvm, slot, gfn\);",
        "",
        partial(ReferenceKvm, sptes=_NotLogged),
    ),
    defect(
        "unsync-of-page-tables-skipped",
        "A huge page that replaces a page table counts as writable already.",
        _SPTE_C,
        r"!is_last_spte\(old_spte, level\) \|\| (!is_writable_pte\(old_spte\))",
        r"\1",
        partial(ReferenceKvm, sptes=_TablesCountAsWritable),
    ),
    defect(
        "unsync-asks-for-another-occasion",
        "Write tracking takes prefetching for synchronizing, and vice versa.",
        _SPTE_C,
        r"(mmu_try_to_unsync_pages\(vcpu->kvm, slot, gfn, )synchronizing, prefetch\)",
        r"\1prefetch, synchronizing)",
        partial(ReferenceKvm, sptes=_AsksOtherwise),
    ),
    defect(
        "memory-type-of-mmio-swapped",
        "The memory type is that of MMIO for memory, and of memory for MMIO.",
        _SPTE_C,
        r"(vcpu, gfn,\s+)(kvm_is_mmio_pfn\(pfn, &is_host_mmio\)\);)",
        r"\1!\2",
        partial(ReferenceKvm, sptes=_MmioSwapped),
    ),
    defect(
        "host-mmio-not-noted",
        "make_spte() does not note that it maps MMIO of the host.",
        _SPTE_C,
        r"\n\t\tkvm_track_host_mmio_mapping\(vcpu\);",
        r"\n\t\t;",
        partial(ReferenceKvm, sptes=_NotNoted),
    ),
    defect(
        "mmio-asked-of-guest-frame",
        "make_spte() notes what it maps if the guest's frame number is that of MMIO of the host.",
        _SPTE_C,
        r"(!kvm_vcpu_can_access_host_mmio\(vcpu\) &&\s+kvm_is_mmio_pfn\()pfn,",
        r"\1gfn,",
        partial(ReferenceKvm, sptes=_AsksOfGuestFrame),
    ),
    defect(
        "mmio-noted-in-vm-only",
        "It is always noted in the VM that MMIO of the host is mapped, even for a root that has a page.",
        _SPTE_C,
        r"WRITE_ONCE\(root->has_mapped_host_mmio, true\)",
        "WRITE_ONCE(vcpu->kvm->arch.has_mapped_host_mmio, true)",
        partial(ReferenceKvm, sptes=_NotedInVm),
    ),
    defect(
        "mmio-note-without-exit",
        "vCPUs that run are not asked to leave the guest when MMIO of the host is mapped.",
        _SPTE_C,
        r"kvm_make_all_cpus_request\(vcpu->kvm, KVM_REQ_OUTSIDE_GUEST_MODE\);",
        "",
        partial(ReferenceKvm, sptes=_NotedQuietly),
    ),
    defect(
        "mmio-answer-forgotten",
        "What a frame is, asked a second time, is that it is no MMIO of the host.",
        _SPTE_C,
        r"return \*is_host_mmio;",
        "int said = *is_host_mmio; *is_host_mmio = 0; return said;",
        partial(ReferenceKvm, sptes=_AnswerForgotten),
    ),
)
