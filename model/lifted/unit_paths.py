"""Which translation units of a kernel tree are looked at, and which of their macros."""

from __future__ import annotations

MMU_C = "arch/x86/kvm/mmu/mmu.c"
SPTE_C = "arch/x86/kvm/mmu/spte.c"
TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"
CPUID_C = "arch/x86/kvm/cpuid.c"
REGS_C = "arch/x86/kvm/regs.c"
X86_C = "arch/x86/kvm/x86.c"
VMX_C = "arch/x86/kvm/vmx/vmx.c"
NESTED_VMX_C = "arch/x86/kvm/vmx/nested.c"
SVM_C = "arch/x86/kvm/svm/svm.c"
NESTED_SVM_C = "arch/x86/kvm/svm/nested.c"
EVMCS_C = "arch/x86/kvm/vmx/hyperv.c"
FORMER_EVMCS_C = "arch/x86/kvm/vmx/evmcs.c"
UNITS = (
    SPTE_C,
    SVM_C,
    VMX_C,
    MMU_C,
    TDP_MMU_C,
    CPUID_C,
    REGS_C,
    NESTED_VMX_C,
    NESTED_SVM_C,
    X86_C,
    EVMCS_C,
    FORMER_EVMCS_C,
)
"""The translation units that are lifted, in the order in which the catalogue needs them; a tree may lack some."""

MMU_UNITS = (SPTE_C, MMU_C, TDP_MMU_C, "arch/x86/kvm/mmu/tdp_iter.c", "arch/x86/kvm/mmu/page_track.c")
"""The translation units of the MMU, those first in which a function that several of them include is looked at."""

_MMU = ("arch/x86/kvm/mmu.h", "arch/x86/kvm/mmu/")
_TRACE = "mmutrace.h"

MACROS = (
    "ACC_READ_MASK",
    "ACC_WRITE_MASK",
    "ACC_EXEC_MASK",
    "ACC_USER_MASK",
    "ACC_USER_EXEC_MASK",
    "ACC_ALL",
    "PFERR_PRESENT_MASK",
    "PFERR_WRITE_MASK",
    "PFERR_USER_MASK",
    "PFERR_RSVD_MASK",
    "PFERR_FETCH_MASK",
    "PFERR_PK_MASK",
    "PFERR_SS_MASK",
    "PFERR_IMPLICIT_ACCESS",
    "SVM_MISC_ENABLE_GMET",
    "X86_FEATURE_GBPAGES",
    "X86_FEATURE_GMET",
    "X86_FEATURE_NPT",
    "FROZEN_SPTE",
    "REMOVED_SPTE",
    "SPTE_TDP_AD_DISABLED_MASK",
    "SHADOW_NONPRESENT_VALUE",
    "VMX_EPT_SUPPRESS_VE_BIT",
    "SPTE_MMU_PRESENT_MASK",
    "SPTE_TDP_AD_MASK",
    "SPTE_TDP_AD_ENABLED",
    "SPTE_TDP_AD_DISABLED",
    "SPTE_TDP_AD_WRPROT_ONLY",
    "SPTE_TDP_AD_ENABLED_MASK",
    "SPTE_TDP_AD_WRPROT_ONLY_MASK",
    "SPTE_BASE_ADDR_MASK",
    "SHADOW_ACC_TRACK_SAVED_BITS_MASK",
    "SHADOW_ACC_TRACK_SAVED_BITS_SHIFT",
    "PFERR_SGX_MASK",
    "PFERR_GUEST_RMP_MASK",
    "PFERR_GUEST_ENC_MASK",
    "PFERR_GUEST_SIZEM_MASK",
    "PFERR_GUEST_VMPL_MASK",
    "MMIO_SPTE_GEN_LOW_MASK",
    "MMIO_SPTE_GEN_HIGH_MASK",
    "MMIO_SPTE_GEN_MASK",
    "KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS",
    "KVM_MAX_NR_ADDRESS_SPACES",
    "KVM_ADDRESS_SPACE_NUM",
    "PFERR_GUEST_FINAL_MASK",
    "PFERR_GUEST_PAGE_MASK",
    "PFERR_PRIVATE_ACCESS",
    "EPT_VIOLATION_GVA_USER",
    "VMX_EPT_ADVANCED_VMEXIT_INFO_BIT",
    "KVM_X86_TDX_VM",
    "SECONDARY_EXEC_MODE_BASED_EPT_EXEC",
)
"""The macros whose values are wanted; each unit knows those that its headers define."""


def is_of_mmu(file: str) -> bool:
    """Whether a file is one of the MMU's, tracing left out."""
    return file.startswith(_MMU) and not file.endswith(_TRACE)
