"""The members of ``struct vcpu_vmx``, of its VMCSs, and of what VMX offers L1."""

from __future__ import annotations

from mmuproof.model.named import kvm_vcpu, kvm_vm, vmcs12_fields

LOADED_VMCS_STRUCT = "struct loaded_vmcs"
MSRS = "struct nested_vmx_msrs"
STRUCT = "struct vcpu_vmx"
USER_RETURN_MSR = "struct vmx_uret_msr"
VM = "struct kvm_vmx"

# The members of ``struct kvm_vmx``.
KVM = "kvm"

# The members of ``struct loaded_vmcs``.
LOADED_CPU = "cpu"

# The members of ``struct nested_vmx_msrs``.
EPT_CAPS = "ept_caps"
SECONDARY_CTLS_HIGH = "secondary_ctls_high"

# The members of ``struct vcpu_vmx``.
_EXEC, _SECONDARY_EXEC = "controls_shadow.exec", "controls_shadow.secondary_exec"
"""What KVM remembers of a VMCS's controls."""
VCPU_KVM = f"{kvm_vcpu.IN_VENDORS}.{kvm_vcpu.KVM}"
GFN_DIRECT_BITS = f"{VCPU_KVM}->{kvm_vm.GFN_DIRECT_BITS}"
FIRST_USER_RETURN_DATA = "guest_uret_msrs[0].data"
LOADED_VMCS = "loaded_vmcs"
NESTED_CACHED_VMCS12 = "nested.cached_vmcs12"
NESTED_LAST_VPID = "nested.last_vpid"
NESTED_MSRS_EPT_CAPS = f"nested.msrs.{EPT_CAPS}"
NESTED_MSRS_SECONDARY_CTLS_HIGH = f"nested.msrs.{SECONDARY_CTLS_HIGH}"
NESTED_MSRS_SECONDARY_CTLS_LOW = "nested.msrs.secondary_ctls_low"
NESTED_MSRS_VPID_CAPS = "nested.msrs.vpid_caps"
NESTED_PML_FULL = "nested.pml_full"
NESTED_VMCS02 = "nested.vmcs02"
NESTED_VMCS02_CONTROLS_SHADOW_EXEC = f"{NESTED_VMCS02}.{_EXEC}"
NESTED_VMCS02_CONTROLS_SHADOW_SECONDARY_EXEC = f"{NESTED_VMCS02}.{_SECONDARY_EXEC}"
NESTED_VPID02 = "nested.vpid02"
VCPU_ARCH_CR0 = f"{kvm_vcpu.IN_VENDORS}.{kvm_vcpu.CR0}"
VCPU_ARCH_CR3 = f"{kvm_vcpu.IN_VENDORS}.{kvm_vcpu.CR3}"
VCPU_ARCH_CR4 = f"{kvm_vcpu.IN_VENDORS}.{kvm_vcpu.CR4}"
VCPU_ARCH_EXIT_QUALIFICATION = f"{kvm_vcpu.IN_VENDORS}.arch.exit_qualification"
VCPU_ARCH_GUEST_STATE_PROTECTED = f"{kvm_vcpu.IN_VENDORS}.arch.guest_state_protected"
VCPU_ARCH_RESERVED_GPA_BITS = f"{kvm_vcpu.IN_VENDORS}.{kvm_vcpu.RESERVED_GPA_BITS}"
VMCS01 = "vmcs01"
VMCS01_CONTROLS_SHADOW_EXEC = f"{VMCS01}.{_EXEC}"
VMCS01_CONTROLS_SHADOW_SECONDARY_EXEC = f"{VMCS01}.{_SECONDARY_EXEC}"
VMCS12_EPT_POINTER = f"{NESTED_CACHED_VMCS12}->{vmcs12_fields.EPT_POINTER}"
VMCS12_GUEST_PHYSICAL_ADDRESS = f"{NESTED_CACHED_VMCS12}->guest_physical_address"
VM_TYPE = f"{VCPU_KVM}->{kvm_vm.VM_TYPE}"
VPID = "vpid"
VT_EXIT_QUALIFICATION = "vt.exit_qualification"
