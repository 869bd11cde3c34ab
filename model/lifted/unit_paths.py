"""Which translation units of a kernel tree are looked at."""

from __future__ import annotations

MMU_C = "arch/x86/kvm/mmu/mmu.c"
SPTE_C = "arch/x86/kvm/mmu/spte.c"
TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"
TDP_ITER_C = "arch/x86/kvm/mmu/tdp_iter.c"
PAGE_TRACK_C = "arch/x86/kvm/mmu/page_track.c"
CPUID_C = "arch/x86/kvm/cpuid.c"
REGS_C = "arch/x86/kvm/regs.c"
MSRS_C = "arch/x86/kvm/msrs.c"
X86_C = "arch/x86/kvm/x86.c"
HYPERV_C = "arch/x86/kvm/hyperv.c"
SMM_C = "arch/x86/kvm/smm.c"
VMX_C = "arch/x86/kvm/vmx/vmx.c"
NESTED_VMX_C = "arch/x86/kvm/vmx/nested.c"
SVM_C = "arch/x86/kvm/svm/svm.c"
NESTED_SVM_C = "arch/x86/kvm/svm/nested.c"
EVMCS_C = "arch/x86/kvm/vmx/hyperv.c"
FORMER_EVMCS_C = "arch/x86/kvm/vmx/evmcs.c"
KVM_MAIN_C = "virt/kvm/kvm_main.c"
UNITS = (
    SPTE_C,
    SVM_C,
    VMX_C,
    MMU_C,
    TDP_MMU_C,
    TDP_ITER_C,
    PAGE_TRACK_C,
    CPUID_C,
    REGS_C,
    MSRS_C,
    NESTED_VMX_C,
    NESTED_SVM_C,
    X86_C,
    HYPERV_C,
    SMM_C,
    EVMCS_C,
    FORMER_EVMCS_C,
    KVM_MAIN_C,
)
"""The translation units that are lifted, in the order in which the catalogue needs them; a tree may lack some."""

MMU_UNITS = (SPTE_C, MMU_C, TDP_MMU_C, TDP_ITER_C, PAGE_TRACK_C)
"""The translation units of the MMU, those first in which a function that several of them include is looked at."""

_KVM = "arch/x86/kvm/"
_MMU = ("arch/x86/kvm/mmu.h", "arch/x86/kvm/mmu/")
_TRACE = "mmutrace.h"


def is_of_kvm(file: str) -> bool:
    """Whether a file is one of KVM's for x86."""
    return file.startswith(_KVM)


def is_of_mmu(file: str) -> bool:
    """Whether a file is one of the MMU's, tracing left out."""
    return file.startswith(_MMU) and not file.endswith(_TRACE)
