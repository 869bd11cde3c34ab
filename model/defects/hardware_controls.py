"""Defects of what the processor is told beside the tables."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.hardware_controls import ReferenceHardwareControls
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import Bool


class _KeyedOnVm(ReferenceHardwareControls):
    def can_access_mmio(self, with_page: Bool, in_page: Bool, in_vm: Bool) -> Bool:
        return in_vm


DEFECTS: tuple[Defect, ...] = (
    defect(
        "buffers-kept-for-roots",
        "A VM entry clears the processor's buffers only by the note in the VM, and forgets those of roots.",
        "arch/x86/kvm/vmx/vmx.c",
        r"kvm_vcpu_can_access_host_mmio\(&vmx->vcpu\)",
        "READ_ONCE(vmx->vcpu.kvm->arch.has_mapped_host_mmio)",
        partial(ReferenceKvm, hardware_controls=_KeyedOnVm),
    ),
)
