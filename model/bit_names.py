"""The kernel's names of single bits in numbers that the hardware defines, by what the numbers are.

A kernel defines those that it has; a name that an older one has for the same bit stands here as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ERROR_CODE = (
    "PFERR_PRESENT_MASK",
    "PFERR_WRITE_MASK",
    "PFERR_USER_MASK",
    "PFERR_RSVD_MASK",
    "PFERR_FETCH_MASK",
    "PFERR_PK_MASK",
    "PFERR_SS_MASK",
    "PFERR_SGX_MASK",
    "PFERR_GUEST_RMP_MASK",
    "PFERR_GUEST_FINAL_MASK",
    "PFERR_GUEST_PAGE_MASK",
    "PFERR_GUEST_ENC_MASK",
    "PFERR_GUEST_SIZEM_MASK",
    "PFERR_GUEST_VMPL_MASK",
    "PFERR_IMPLICIT_ACCESS",
    "PFERR_PRIVATE_ACCESS",
)
"""Of an error code as KVM hands it on, and so of EXITINFO1."""

EPT_VIOLATION = (
    "EPT_VIOLATION_ACC_READ",
    "EPT_VIOLATION_ACC_WRITE",
    "EPT_VIOLATION_ACC_INSTR",
    "EPT_VIOLATION_PROT_READ",
    "EPT_VIOLATION_PROT_WRITE",
    "EPT_VIOLATION_PROT_EXEC",
    "EPT_VIOLATION_PROT_USER_EXEC",
    "EPT_VIOLATION_GVA_IS_VALID",
    "EPT_VIOLATION_GVA_TRANSLATED",
    "EPT_VIOLATION_GVA_USER",
    "EPT_VIOLATION_GVA_WRITABLE",
    "EPT_VIOLATION_GVA_NX",
    "INTR_INFO_UNBLOCK_NMI",
)
"""Of the exit qualification of an EPT violation."""

EPT_ENTRY = (
    "VMX_EPT_READABLE_MASK",
    "VMX_EPT_WRITABLE_MASK",
    "VMX_EPT_EXECUTABLE_MASK",
    "VMX_EPT_IPAT_BIT",
    "VMX_EPT_ACCESS_BIT",
    "VMX_EPT_DIRTY_BIT",
    "VMX_EPT_USER_EXECUTABLE_MASK",
    "VMX_EPT_SUPPRESS_VE_BIT",
)
"""Of an entry of EPT."""

PAGING_ENTRY = (
    "PT_PRESENT_MASK",
    "PT_WRITABLE_MASK",
    "PT_USER_MASK",
    "PT_PWT_MASK",
    "PT_PCD_MASK",
    "PT_ACCESSED_MASK",
    "PT_DIRTY_MASK",
    "PT_PAGE_SIZE_MASK",
    "PT_GLOBAL_MASK",
    "PT64_NX_MASK",
)
"""Of an entry of ordinary paging or of nested paging."""

SECONDARY_CONTROLS = (
    "SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES",
    "SECONDARY_EXEC_ENABLE_EPT",
    "SECONDARY_EXEC_DESC",
    "SECONDARY_EXEC_ENABLE_RDTSCP",
    "SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE",
    "SECONDARY_EXEC_ENABLE_VPID",
    "SECONDARY_EXEC_WBINVD_EXITING",
    "SECONDARY_EXEC_UNRESTRICTED_GUEST",
    "SECONDARY_EXEC_APIC_REGISTER_VIRT",
    "SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY",
    "SECONDARY_EXEC_PAUSE_LOOP_EXITING",
    "SECONDARY_EXEC_RDRAND_EXITING",
    "SECONDARY_EXEC_ENABLE_INVPCID",
    "SECONDARY_EXEC_ENABLE_VMFUNC",
    "SECONDARY_EXEC_SHADOW_VMCS",
    "SECONDARY_EXEC_ENCLS_EXITING",
    "SECONDARY_EXEC_RDSEED_EXITING",
    "SECONDARY_EXEC_ENABLE_PML",
    "SECONDARY_EXEC_EPT_VIOLATION_VE",
    "SECONDARY_EXEC_PT_CONCEAL_VMX",
    "SECONDARY_EXEC_ENABLE_XSAVES",
    "SECONDARY_EXEC_XSAVES",
    "SECONDARY_EXEC_MODE_BASED_EPT_EXEC",
    "SECONDARY_EXEC_PT_USE_GPA",
    "SECONDARY_EXEC_TSC_SCALING",
    "SECONDARY_EXEC_ENABLE_USR_WAIT_PAUSE",
    "SECONDARY_EXEC_BUS_LOCK_DETECTION",
    "SECONDARY_EXEC_NOTIFY_VM_EXITING",
)
"""Of the secondary processor-based VM-execution controls."""

TERTIARY_CONTROLS = ("TERTIARY_EXEC_IPI_VIRT",)
"""Of the tertiary ones."""

FORMER_BIT_NAMES = frozenset({"SECONDARY_EXEC_XSAVES"})
"""What older kernels call a bit, and the kernel of the reference model does not."""

BIT_NAMES = (*ERROR_CODE, *EPT_VIOLATION, *EPT_ENTRY, *PAGING_ENTRY, *SECONDARY_CONTROLS, *TERTIARY_CONTROLS)
"""All of them."""


@dataclass(frozen=True)
class NamedBits:
    """What a kernel calls bits.

    Args:
        names: by the number of the bit.
        lost: names that an earlier kernel has and this one has not: their bits may be called otherwise now.
    """

    names: Mapping[int, str]
    lost: tuple[str, ...] = ()
