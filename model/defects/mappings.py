"""Defects of deciding what to map."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.huge_pages import ReferenceHugePages
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.mappings import ReferenceMappings
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, ne

_MMU_C = "arch/x86/kvm/mmu/mmu.c"
_SPTE_C = "arch/x86/kvm/mmu/spte.c"
_NESTED_VMX_C = "arch/x86/kvm/vmx/nested.c"
_PAGING = "arch/x86/kvm/mmu/paging_tmpl.h"


class _HugeWhenLogged(ReferenceMappings):
    def _logging_forbids(self, tracked: Bool) -> Bool:
        return FALSE


class _AdjustedWhenLogged(ReferenceHugePages):
    def _small_for_log(self, _logged: Bool) -> Bool:
        return FALSE


class _EmptyKept(ReferenceMappings):
    def _grants_nothing(self, masks: ShadowMasks, access: BitVec) -> Bool:
        return FALSE


class _AnyLevels(ReferenceMappings):
    def _levels_fit(self, eptp: BitVec, four: Bool, five: Bool) -> Bool:
        c = self.constants
        level = eptp & c.VMX_EPTP_PWL_MASK
        other = all_of(ne(level, c.VMX_EPTP_PWL_4), ne(level, c.VMX_EPTP_PWL_5))
        return any_of(other, super()._levels_fit(eptp, four, five))


class _ReservedEptp(ReferenceMappings):
    def _has_no_reserved(self, legal: Bool, low_clear: Bool) -> Bool:
        return TRUE


class _UnofferedFlags(ReferenceMappings):
    def _has_flags(self, offered: Bool) -> Bool:
        return TRUE


class _AnyWidth(ReferenceMappings):
    def _narrow(self, gfn: BitVec, width: BitVec) -> Bool:
        return TRUE


class _ErrorMapped(ReferenceMappings):
    def _usable(self, found: BitVec, error: int) -> Bool:
        return TRUE


class _PrivateMmio(ReferenceMappings):
    def _may_be_private(self, private: Bool) -> Bool:
        return TRUE


class _SlotGoing(ReferenceMappings):
    def _waits_for(self, going: Bool) -> Bool:
        return FALSE


class _OtherKind(ReferenceMappings):
    def _compares_kinds(self, _same: Bool) -> Bool:
        return TRUE


class _ApicForL2(ReferenceMappings):
    def _keeps_from(self, _l2_runs: Bool) -> Bool:
        return FALSE


class _CountedLate(ReferenceMappings):
    def _counts_late(self) -> Bool:
        return TRUE


class _KindBeforeCount(ReferenceMappings):
    def _asks_kind_first(self) -> Bool:
        return TRUE


class _ReadOnlyRefused(ReferenceMappings):
    def _emulates_read_only(self) -> Bool:
        return FALSE


DEFECTS: tuple[Defect, ...] = (
    defect(
        "eptp-with-reserved-bits",
        "An EPTP of L1's may have reserved bits.",
        _NESTED_VMX_C,
        r"if \(CC\(!kvm_vcpu_is_legal_gpa\(vcpu, new_eptp\) \|\| \(\(new_eptp >> 7\) & 0x1f\)\)\)\s+return false;",
        "",
        partial(ReferenceKvm, mappings=_ReservedEptp),
    ),
    defect(
        "eptp-with-flags-unoffered",
        "An EPTP of L1's may have accessed and dirty flags on that L1 is not offered.",
        _NESTED_VMX_C,
        r"if \(CC\(!\(vmx->nested\.msrs\.ept_caps & VMX_EPT_AD_BIT\)\)\)\s+return false;",
        ";",
        partial(ReferenceKvm, mappings=_UnofferedFlags),
    ),
    defect(
        "hugepage-adjust-ignores-logging",
        "A huge page is mapped although the slot logs writes.",
        _MMU_C,
        r"(if \(is_error_noslot_pfn\(fault->pfn\)\)\s+return;\s+)if \(kvm_slot_dirty_track_enabled\(slot\)\)\s+return;",
        r"\1",
        partial(ReferenceKvm, mappings=_HugeWhenLogged, huge_pages=_AdjustedWhenLogged),
    ),
    defect(
        "sync-spte-keeps-empty",
        "Synchronizing a page keeps SPTEs that grant nothing any more.",
        _PAGING,
        r"\(pte_access \| shadow_present_mask\) == SHADOW_NONPRESENT_VALUE \|\|",
        "",
        partial(ReferenceKvm, mappings=_EmptyKept),
    ),
    defect(
        "check-eptp-accepts-any-level",
        "L1 may use an EPTP that asks for a number of levels that there is not.",
        _NESTED_VMX_C,
        r"(VMX_EPT_PAGE_WALK_4_BIT\)\)\)\s+return false;\s+break;\s+default:\s+)return false;",
        r"\1break;",
        partial(ReferenceKvm, mappings=_AnyLevels),
    ),
    defect(
        "mmio-of-any-width",
        "A GFN above the host's MAXPHYADDR becomes an MMIO SPTE.",
        _MMU_C,
        r"if \(unlikely\(fault->gfn > kvm_mmu_max_gfn\(\)\)\)\s+return RET_PF_EMULATE;",
        "",
        partial(ReferenceKvm, mappings=_AnyWidth),
    ),
    defect(
        "error-frame-mapped",
        "An error is taken for the host's frame.",
        _MMU_C,
        r"if \(unlikely\(is_error_pfn\(fault->pfn\)\)\)\s+return kvm_handle_error_pfn\(vcpu, fault\);",
        "",
        partial(ReferenceKvm, mappings=_ErrorMapped),
    ),
    defect(
        "private-fault-as-mmio",
        "A fault for private memory that no memory slot has becomes MMIO.",
        _MMU_C,
        r"if \(fault->is_private\) \{\s+kvm_mmu_prepare_memory_fault_exit\(vcpu, fault\);\s+return -EFAULT;\s+\}"
        r"(\s+vcpu_cache_mmio_info)",
        r"\1",
        partial(ReferenceKvm, mappings=_PrivateMmio),
    ),
    defect(
        "slot-going-mapped",
        "A fault is mapped in a memory slot that is about to be deleted or moved.",
        _MMU_C,
        r"if \(slot->flags & KVM_MEMSLOT_INVALID\) \{\s+if \(fault->prefetch\)",
        "if (0) {\n\t\tif (fault->prefetch)",
        partial(ReferenceKvm, mappings=_SlotGoing),
    ),
    defect(
        "fault-of-other-kind",
        "A fault goes on whether or not the memory of its frame is private as it takes it to be.",
        _MMU_C,
        r"if \(fault->is_private != kvm_mem_is_private\(kvm, fault->gfn\)\) \{"
        r"\s+kvm_mmu_prepare_memory_fault_exit\(vcpu, fault\);\s+return -EFAULT;\s+\}",
        "",
        partial(ReferenceKvm, mappings=_OtherKind),
    ),
    defect(
        "apic-page-for-l2",
        "The page of L1's APIC is mapped for L2.",
        _MMU_C,
        r"if \(is_guest_mode\(vcpu\)\)\s+return kvm_handle_noslot_fault\(vcpu, fault, access\);",
        "",
        partial(ReferenceKvm, mappings=_ApicForL2),
    ),
    defect(
        "fault-counted-late",
        "A fault gets the count of what was taken away after its frame is looked for.",
        _MMU_C,
        r"(?s)fault->mmu_seq = vcpu->kvm->mmu_invalidate_seq;(.*?ret = __kvm_mmu_faultin_pfn\(vcpu, fault\);)",
        r"\1\n\tfault->mmu_seq = vcpu->kvm->mmu_invalidate_seq;",
        partial(ReferenceKvm, mappings=_CountedLate),
    ),
    defect(
        "fault-kind-before-count",
        "It is asked of which kind a fault's memory is before the fault gets the count of what was taken away.",
        _MMU_C,
        r"(?s)fault->mmu_seq = vcpu->kvm->mmu_invalidate_seq;\s+smp_rmb\(\);(.*?)(if \(unlikely\(!slot\)\))",
        r"\1fault->mmu_seq = vcpu->kvm->mmu_invalidate_seq;\n\n\t\2",
        partial(ReferenceKvm, mappings=_KindBeforeCount),
    ),
    defect(
        "read-only-frame-refused",
        "A write to a page that the host maps read-only ends in an error.",
        _MMU_C,
        r"if \(fault->pfn == KVM_PFN_ERR_RO_FAULT\)\s+return RET_PF_EMULATE;",
        "",
        partial(ReferenceKvm, mappings=_ReadOnlyRefused),
    ),
)
