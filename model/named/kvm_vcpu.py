"""What a vCPU holds: the members of ``struct kvm_vcpu``, and of what emulates for it."""

from __future__ import annotations

CPUID_ENTRY = "struct kvm_cpuid_entry2"
EMULATE = "struct x86_emulate_ctxt"
LAPIC = "struct kvm_lapic"
STRUCT = "struct kvm_vcpu"
IN_VENDORS = "vcpu"
"""Where the structs of VMX and SVM have one."""

# The members of ``struct kvm_vcpu``.
APF = "arch.apf"
ARCH = "arch"
CPU_CAPS = "arch.cpu_caps"
CR0 = "arch.cr0"
CR3 = "arch.cr3"
CR4 = "arch.cr4"
EFER = "arch.efer"
EXIT_QUALIFICATION = "arch.exit_qualification"
HFLAGS = "arch.hflags"
IS_AMD_COMPATIBLE = "arch.is_amd_compatible"
KVM = "kvm"
LAST_RETRY_ADDR = "arch.last_retry_addr"
LAST_RETRY_EIP = "arch.last_retry_eip"
MAXPHYADDR = "arch.maxphyaddr"
MMIO_ACCESS = "arch.mmio_access"
MMIO_GEN = "arch.mmio_gen"
MMIO_GFN = "arch.mmio_gfn"
MMIO_GVA = "arch.mmio_gva"
NEW_TABLES_HOLD = "arch.mmu_shadow_page_cache.init_value"
NEW_TABLES_ZEROED = "arch.mmu_shadow_page_cache.gfp_zero"
PDPTRS_FROM_USERSPACE = "arch.pdptrs_from_userspace"
PKRU = "arch.pkru"
RESERVED_GPA_BITS = "arch.reserved_gpa_bits"

# The members of ``struct x86_emulate_ctxt``.
VCPU = "vcpu"
