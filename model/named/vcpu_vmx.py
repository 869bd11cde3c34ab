"""The members of ``struct vcpu_vmx``, of its VMCSs, and of what VMX offers L1."""

from __future__ import annotations

LOADED_VMCS_STRUCT = "struct loaded_vmcs"
MSRS = "struct nested_vmx_msrs"
STRUCT = "struct vcpu_vmx"
USER_RETURN_MSR = "struct vmx_uret_msr"
VM = "struct kvm_vmx"

# The members of ``struct kvm_vmx``.
KVM = "kvm"

# The members of ``struct nested_vmx_msrs``.
EPT_CAPS = "ept_caps"
SECONDARY_CTLS_HIGH = "secondary_ctls_high"

# The members of ``struct vcpu_vmx``.
GFN_DIRECT_BITS = "vcpu.kvm->arch.gfn_direct_bits"
LOADED_VMCS = "loaded_vmcs"
NESTED_CACHED_VMCS12 = "nested.cached_vmcs12"
NESTED_LAST_VPID = "nested.last_vpid"
NESTED_MSRS_EPT_CAPS = "nested.msrs.ept_caps"
NESTED_MSRS_SECONDARY_CTLS_HIGH = "nested.msrs.secondary_ctls_high"
NESTED_MSRS_SECONDARY_CTLS_LOW = "nested.msrs.secondary_ctls_low"
NESTED_MSRS_VPID_CAPS = "nested.msrs.vpid_caps"
NESTED_PML_FULL = "nested.pml_full"
NESTED_VMCS02 = "nested.vmcs02"
NESTED_VMCS02_CONTROLS_SHADOW_EXEC = "nested.vmcs02.controls_shadow.exec"
NESTED_VMCS02_CONTROLS_SHADOW_SECONDARY_EXEC = "nested.vmcs02.controls_shadow.secondary_exec"
NESTED_VPID02 = "nested.vpid02"
VCPU = "vcpu"
VCPU_ARCH_CR0 = "vcpu.arch.cr0"
VCPU_ARCH_CR3 = "vcpu.arch.cr3"
VCPU_ARCH_CR4 = "vcpu.arch.cr4"
VCPU_ARCH_EXIT_QUALIFICATION = "vcpu.arch.exit_qualification"
VCPU_ARCH_GUEST_STATE_PROTECTED = "vcpu.arch.guest_state_protected"
VCPU_KVM = "vcpu.kvm"
VMCS01 = "vmcs01"
VMCS01_CONTROLS_SHADOW_EXEC = "vmcs01.controls_shadow.exec"
VMCS01_CONTROLS_SHADOW_SECONDARY_EXEC = "vmcs01.controls_shadow.secondary_exec"
VMCS12_GUEST_PHYSICAL_ADDRESS = "nested.cached_vmcs12->guest_physical_address"
VM_TYPE = "vcpu.kvm->arch.vm_type"
VPID = "vpid"
VT_EXIT_QUALIFICATION = "vt.exit_qualification"
