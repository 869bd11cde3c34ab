"""Defects of what the processor is told beside the tables."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.hardware_controls import ReferenceHardwareControls
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, BitVec, Bool, bv


class _KeyedOnVm(ReferenceHardwareControls):
    def can_access_mmio(self, with_page: Bool, in_page: Bool, in_vm: Bool) -> Bool:
        return in_vm


class _GuestsAsNested(ReferenceHardwareControls):
    def _nested_cr3(self, cr3: BitVec, root: BitVec) -> BitVec:
        return cr3


class _RootAsCr3(ReferenceHardwareControls):
    def _guest_cr3(self, cr3: BitVec, root: BitVec) -> BitVec:
        return root


class _WithoutPcid(ReferenceHardwareControls):
    def _pcid(self, cr3: BitVec) -> BitVec:
        return bv(0, 64)


class _GuestsNotTold(ReferenceHardwareControls):
    def _tells(self, changed: Bool) -> Bool:
        return FALSE


class _CachedMmio(ReferenceHardwareControls):
    def _of_mmio(self) -> BitVec:
        return bv(6 << 3, 8)


class _EverIgnored(ReferenceHardwareControls):
    def _forces(self, _coherent: Bool, ignores_pat: Bool) -> Bool:
        return ignores_pat


DEFECTS: tuple[Defect, ...] = (
    defect(
        "buffers-kept-for-roots",
        "A VM entry clears the processor's buffers only by the note in the VM, and forgets those of roots.",
        "arch/x86/kvm/vmx/vmx.c",
        r"kvm_vcpu_can_access_host_mmio\(&vmx->vcpu\)",
        "READ_ONCE(vmx->vcpu.kvm->arch.has_mapped_host_mmio)",
        partial(ReferenceKvm, hardware_controls=_KeyedOnVm),
    ),
    defect(
        "ncr3-of-guest",
        "Nested paging begins at the tables of the guest's CR3.",
        "arch/x86/kvm/svm/svm.c",
        r"nested_cr3 = __sme_set\(root_hpa\);",
        "nested_cr3 = __sme_set(vcpu->arch.cr3);",
        partial(ReferenceKvm, hardware_controls=_GuestsAsNested),
    ),
    defect(
        "npt-cr3-is-root",
        "With nested paging the guest gets the root of KVM's tables as its CR3.",
        "arch/x86/kvm/svm/svm.c",
        r"cr3 = vcpu->arch\.cr3;(\s+\} else if \(root_level >= PT64_ROOT_4LEVEL\))",
        r"cr3 = root_hpa;\1",
        partial(ReferenceKvm, hardware_controls=_RootAsCr3),
    ),
    defect(
        "shadow-cr3-without-pcid",
        "Without two-dimensional paging the guest's PCID is dropped from CR3.",
        "arch/x86/kvm/mmu.h",
        r"return kvm_get_pcid\(vcpu, kvm_read_cr3\(vcpu\)\);",
        "return 0;",
        partial(ReferenceKvm, hardware_controls=_WithoutPcid),
    ),
    defect(
        "guests-cr3-stale",
        "With EPT the processor goes on with the CR3 that the guest had before.",
        "arch/x86/kvm/vmx/vmx.c",
        r"else if \(kvm_register_is_dirty\(vcpu, VCPU_(?:EX)?REG_CR3\)\)\s+guest_cr3 = vcpu->arch\.cr3;\s+else",
        "else",
        partial(ReferenceKvm, hardware_controls=_GuestsNotTold),
    ),
    defect(
        "mmio-write-back",
        "MMIO of the host is write-back for the guest.",
        "arch/x86/kvm/vmx/vmx.c",
        r"(if \(is_mmio\)\s+return )MTRR_TYPE_UNCACHABLE",
        r"\1MTRR_TYPE_WRBACK",
        partial(ReferenceKvm, hardware_controls=_CachedMmio),
    ),
    defect(
        "guest-pat-ever-ignored",
        "The guest's PAT is ignored whatever the devices are.",
        "arch/x86/kvm/vmx/vmx.c",
        r"return !kvm_arch_has_noncoherent_dma\(kvm\) &&(\s+kvm_check_has_quirk\(kvm, KVM_X86_QUIRK_IGNORE_GUEST_PAT)",
        r"return\1",
        partial(ReferenceKvm, hardware_controls=_EverIgnored),
    ),
)
