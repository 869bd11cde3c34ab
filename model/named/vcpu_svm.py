"""The members of ``struct vcpu_svm``."""

from __future__ import annotations

from mmuproof.model.named import kvm_vcpu, vmcb_fields

STRUCT = "struct vcpu_svm"
VMCB_INFO = "struct kvm_vmcb_info"

# The members of ``struct kvm_vmcb_info``.
INFO_ASID_GENERATION = "asid_generation"
"""The generation of the ASID that a VMCB has been given."""
INFO_CPU = "cpu"
"""The processor that it has run on."""
INFO_PTR = "ptr"

# The members of ``struct vcpu_svm``.
CURRENT_VMCB = "current_vmcb"
VMCB = "vmcb"
EXIT_CODE = f"{VMCB}->control.exit_code"
EXIT_INFO_1 = f"{VMCB}->control.exit_info_1"
EXIT_INFO_2 = f"{VMCB}->control.exit_info_2"
NESTED_CTL_MISC_CTL = f"nested.ctl.{vmcb_fields.MISC_CTL}"
NESTED_CTL_NESTED_CR3 = "nested.ctl.nested_cr3"
NESTED_EXCEPTIONS = f"nested.ctl.{vmcb_fields.INTERCEPTS}[2]"
"""The exceptions that L1 wants to see, behind what is about control and debug registers."""
NESTED_SAVE = "nested.save"
NESTED_SAVE_CR0 = f"{NESTED_SAVE}.cr0"
NESTED_SAVE_CR4 = f"{NESTED_SAVE}.cr4"
NESTED_SAVE_EFER = f"{NESTED_SAVE}.efer"
VCPU_CPU = f"{kvm_vcpu.IN_VENDORS}.{kvm_vcpu.CPU}"
VCPU_ARCH_CR3 = f"{kvm_vcpu.IN_VENDORS}.{kvm_vcpu.CR3}"
VCPU_ARCH_CR4 = f"{kvm_vcpu.IN_VENDORS}.{kvm_vcpu.CR4}"
VMCB01 = "vmcb01"
VMCB01_PTR = f"{VMCB01}.{INFO_PTR}"
VMCB02 = "nested.vmcb02"
VMCB02_PTR = f"{VMCB02}.{INFO_PTR}"
VMCB_CONTROL_MISC_CTL = f"{VMCB}->{vmcb_fields.CONTROL_MISC_CTL}"
VMCB_SAVE_CPL = f"{VMCB}->save.cpl"
