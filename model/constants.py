"""The macros and enumerators that theorems ask for.

A lifted tree is parsed for them, and the reference model has their values.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LISTED_IN = "model/constants.py"

FORMER_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "FROZEN_SPTE": "REMOVED_SPTE",
        "SPTE_TDP_AD_ENABLED": "SPTE_TDP_AD_ENABLED_MASK",
        "SPTE_TDP_AD_DISABLED": "SPTE_TDP_AD_DISABLED_MASK",
        "SPTE_TDP_AD_WRPROT_ONLY": "SPTE_TDP_AD_WRPROT_ONLY_MASK",
    }
)
"""What older trees call a constant."""

OF_OTHER_KERNELS = frozenset(FORMER_NAMES.values())
"""What the kernel of the reference model does not define."""

CONSTANTS = (
    "ACC_ALL",
    "ACC_EXEC_MASK",
    "ACC_READ_MASK",
    "ACC_USER_EXEC_MASK",
    "ACC_USER_MASK",
    "ACC_WRITE_MASK",
    "FROZEN_SPTE",
    "HF_GUEST_MASK",
    "HF_SMM_MASK",
    "KVM_DIRTY_LOG_INITIALLY_SET",
    "KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS",
    "KVM_MEMSLOT_INVALID",
    "KVM_MEM_LOG_DIRTY_PAGES",
    "KVM_MEM_READONLY",
    "KVM_MR_FLAGS_ONLY",
    "KVM_USER_MEM_SLOTS",
    "MMIO_SPTE_GEN_HIGH_MASK",
    "MMIO_SPTE_GEN_LOW_MASK",
    "PFERR_FETCH_MASK",
    "PFERR_GUEST_ENC_MASK",
    "PFERR_GUEST_FINAL_MASK",
    "PFERR_GUEST_PAGE_MASK",
    "PFERR_GUEST_RMP_MASK",
    "PFERR_GUEST_SIZEM_MASK",
    "PFERR_GUEST_VMPL_MASK",
    "PFERR_IMPLICIT_ACCESS",
    "PFERR_PK_MASK",
    "PFERR_PRESENT_MASK",
    "PFERR_PRIVATE_ACCESS",
    "PFERR_RSVD_MASK",
    "PFERR_SGX_MASK",
    "PFERR_SS_MASK",
    "PFERR_USER_MASK",
    "PFERR_WRITE_MASK",
    "SHADOW_ACC_TRACK_SAVED_BITS_MASK",
    "SHADOW_ACC_TRACK_SAVED_BITS_SHIFT",
    "SHADOW_NONPRESENT_VALUE",
    "SPTE_MMU_PRESENT_MASK",
    "SPTE_TDP_AD_DISABLED",
    "SPTE_TDP_AD_ENABLED",
    "SPTE_TDP_AD_MASK",
    "SPTE_TDP_AD_WRPROT_ONLY",
)
"""What `Kvm.constant` may be asked for, besides the former names."""
