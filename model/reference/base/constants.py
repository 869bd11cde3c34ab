"""The numbers of Linux 7.2.13's MMU under the kernel's names, and what KVM asserts of them at build time."""

from __future__ import annotations

from dataclasses import dataclass, fields


def _bits(*numbers: int) -> int:
    return sum(1 << number for number in numbers)


def _range(high: int, low: int) -> int:
    """GENMASK_ULL()."""
    return (1 << high + 1) - (1 << low)


@dataclass(frozen=True, kw_only=True)
class Constants:
    """Macros and enumerators that the MMU code is written with.

    Each stands on its own: replacing one with `dataclasses.replace` leaves the others as they are.
    """

    ACC_READ_MASK: int = _bits(0)
    ACC_WRITE_MASK: int = _bits(1)
    ACC_USER_MASK: int = _bits(2)
    ACC_USER_EXEC_MASK: int = _bits(2)
    ACC_EXEC_MASK: int = _bits(3)
    ACC_ALL: int = _range(3, 0)

    PFERR_PRESENT_MASK: int = _bits(0)
    PFERR_WRITE_MASK: int = _bits(1)
    PFERR_USER_MASK: int = _bits(2)
    PFERR_RSVD_MASK: int = _bits(3)
    PFERR_FETCH_MASK: int = _bits(4)
    PFERR_PK_MASK: int = _bits(5)
    PFERR_SS_MASK: int = _bits(6)
    PFERR_IMPLICIT_ACCESS: int = _bits(48)
    PFERR_PRIVATE_ACCESS: int = _bits(49)
    PFERR_SYNTHETIC_MASK: int = _bits(48, 49)
    PFERR_SGX_MASK: int = _bits(15)
    PFERR_GUEST_RMP_MASK: int = _bits(31)
    PFERR_GUEST_FINAL_MASK: int = _bits(32)
    PFERR_GUEST_PAGE_MASK: int = _bits(33)
    PFERR_GUEST_ENC_MASK: int = _bits(34)
    PFERR_GUEST_SIZEM_MASK: int = _bits(35)
    PFERR_GUEST_VMPL_MASK: int = _bits(36)
    PFERR_GUEST_FAULT_STAGE_MASK: int = _bits(32, 33)

    EPT_VIOLATION_ACC_READ: int = _bits(0)
    EPT_VIOLATION_ACC_WRITE: int = _bits(1)
    EPT_VIOLATION_ACC_INSTR: int = _bits(2)
    EPT_VIOLATION_PROT_READ: int = _bits(3)
    EPT_VIOLATION_PROT_WRITE: int = _bits(4)
    EPT_VIOLATION_PROT_EXEC: int = _bits(5)
    EPT_VIOLATION_PROT_MASK: int = _range(6, 3)
    EPT_VIOLATION_PROT_USER_EXEC: int = _bits(6)
    EPT_VIOLATION_GVA_IS_VALID: int = _bits(7)
    EPT_VIOLATION_GVA_TRANSLATED: int = _bits(8)
    EPT_VIOLATION_GVA_USER: int = _bits(9)
    EPT_VIOLATION_GVA_WRITABLE: int = _bits(10)
    EPT_VIOLATION_GVA_NX: int = _bits(11)
    INTR_INFO_UNBLOCK_NMI: int = _bits(12)
    VMX_EPT_ADVANCED_VMEXIT_INFO_BIT: int = _bits(22)
    EXIT_REASON_EPT_VIOLATION: int = 48
    EXIT_REASON_EPT_MISCONFIG: int = 49
    EXIT_REASON_PML_FULL: int = 62
    EXIT_QUALIFICATION: int = 0x6400
    GUEST_PHYSICAL_ADDRESS: int = 0x2400
    KVM_X86_TDX_VM: int = 5
    SVM_EXIT_NPF: int = 0x400

    CPU_BASED_INTR_WINDOW_EXITING: int = _bits(2)
    CPU_BASED_USE_TSC_OFFSETTING: int = _bits(3)
    CPU_BASED_HLT_EXITING: int = _bits(7)
    CPU_BASED_INVLPG_EXITING: int = _bits(9)
    CPU_BASED_MWAIT_EXITING: int = _bits(10)
    CPU_BASED_RDPMC_EXITING: int = _bits(11)
    CPU_BASED_RDTSC_EXITING: int = _bits(12)
    CPU_BASED_CR3_LOAD_EXITING: int = _bits(15)
    CPU_BASED_CR3_STORE_EXITING: int = _bits(16)
    CPU_BASED_ACTIVATE_TERTIARY_CONTROLS: int = _bits(17)
    CPU_BASED_CR8_LOAD_EXITING: int = _bits(19)
    CPU_BASED_CR8_STORE_EXITING: int = _bits(20)
    CPU_BASED_TPR_SHADOW: int = _bits(21)
    CPU_BASED_NMI_WINDOW_EXITING: int = _bits(22)
    CPU_BASED_MOV_DR_EXITING: int = _bits(23)
    CPU_BASED_UNCOND_IO_EXITING: int = _bits(24)
    CPU_BASED_USE_IO_BITMAPS: int = _bits(25)
    CPU_BASED_MONITOR_TRAP_FLAG: int = _bits(27)
    CPU_BASED_USE_MSR_BITMAPS: int = _bits(28)
    CPU_BASED_MONITOR_EXITING: int = _bits(29)
    CPU_BASED_PAUSE_EXITING: int = _bits(30)
    CPU_BASED_ACTIVATE_SECONDARY_CONTROLS: int = _bits(31)

    SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES: int = _bits(0)
    SECONDARY_EXEC_ENABLE_EPT: int = _bits(1)
    SECONDARY_EXEC_DESC: int = _bits(2)
    SECONDARY_EXEC_ENABLE_RDTSCP: int = _bits(3)
    SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE: int = _bits(4)
    SECONDARY_EXEC_ENABLE_VPID: int = _bits(5)
    SECONDARY_EXEC_WBINVD_EXITING: int = _bits(6)
    SECONDARY_EXEC_UNRESTRICTED_GUEST: int = _bits(7)
    SECONDARY_EXEC_APIC_REGISTER_VIRT: int = _bits(8)
    SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY: int = _bits(9)
    SECONDARY_EXEC_PAUSE_LOOP_EXITING: int = _bits(10)
    SECONDARY_EXEC_RDRAND_EXITING: int = _bits(11)
    SECONDARY_EXEC_ENABLE_INVPCID: int = _bits(12)
    SECONDARY_EXEC_ENABLE_VMFUNC: int = _bits(13)
    SECONDARY_EXEC_SHADOW_VMCS: int = _bits(14)
    SECONDARY_EXEC_ENCLS_EXITING: int = _bits(15)
    SECONDARY_EXEC_RDSEED_EXITING: int = _bits(16)
    SECONDARY_EXEC_ENABLE_PML: int = _bits(17)
    SECONDARY_EXEC_EPT_VIOLATION_VE: int = _bits(18)
    SECONDARY_EXEC_PT_CONCEAL_VMX: int = _bits(19)
    SECONDARY_EXEC_ENABLE_XSAVES: int = _bits(20)
    SECONDARY_EXEC_MODE_BASED_EPT_EXEC: int = _bits(22)
    SECONDARY_EXEC_PT_USE_GPA: int = _bits(24)
    SECONDARY_EXEC_TSC_SCALING: int = _bits(25)
    SECONDARY_EXEC_ENABLE_USR_WAIT_PAUSE: int = _bits(26)
    SECONDARY_EXEC_BUS_LOCK_DETECTION: int = _bits(30)
    SECONDARY_EXEC_NOTIFY_VM_EXITING: int = _bits(31)
    TERTIARY_EXEC_IPI_VIRT: int = _bits(4)

    X86_CR0_WP: int = _bits(16)
    X86_CR0_PG: int = _bits(31)
    X86_CR4_PSE: int = _bits(4)
    X86_CR4_PAE: int = _bits(5)
    X86_CR4_LA57: int = _bits(12)
    X86_CR4_SMEP: int = _bits(20)
    X86_CR4_SMAP: int = _bits(21)
    X86_CR4_PKE: int = _bits(22)
    X86_EFLAGS_AC: int = _bits(18)
    EFER_LMA: int = _bits(10)
    EFER_NX: int = _bits(11)

    X86_FEATURE_CLEAR_CPU_BUF_VM_MMIO: int = 21 * 32 + 19
    X86_FEATURE_GBPAGES: int = 1 * 32 + 26
    X86_FEATURE_NPT: int = 15 * 32 + 0
    X86_FEATURE_GMET: int = 15 * 32 + 17

    HF_GUEST_MASK: int = _bits(0)
    HF_SMM_MASK: int = _bits(1)

    KVM_MEM_LOG_DIRTY_PAGES: int = _bits(0)
    KVM_MEMSLOT_INVALID: int = _bits(16)
    KVM_USER_MEM_SLOTS: int = 32764
    KVM_PFN_ERR_NOSLOT_MASK: int = _range(63, 52)

    VMX_EPT_2MB_PAGE_BIT: int = _bits(16)
    VMX_EPT_1GB_PAGE_BIT: int = _bits(17)
    VMX_EPTP_PWL_MASK: int = _range(5, 3)
    VMX_EPTP_PWL_4: int = _bits(3, 4)
    VMX_EPTP_MT_MASK: int = _range(2, 0)
    VMX_EPTP_MT_WB: int = 6
    VMX_EPTP_AD_ENABLE_BIT: int = _bits(6)
    VMX_EPT_PAGE_WALK_4_BIT: int = _bits(6)
    VMX_EPT_PAGE_WALK_5_BIT: int = _bits(7)
    VMX_EPTP_UC_BIT: int = _bits(8)
    VMX_EPTP_WB_BIT: int = _bits(14)
    VMX_EPT_AD_BIT: int = _bits(21)
    VMX_EPTP_PWL_5: int = _bits(5)

    SVM_MISC_ENABLE_GMET: int = _bits(3)

    PAGE_SHIFT: int = 12
    PG_LEVEL_4K: int = 1

    PT_PRESENT_MASK: int = _bits(0)
    PT_WRITABLE_MASK: int = _bits(1)
    PT_USER_MASK: int = _bits(2)
    PT_PWT_MASK: int = _bits(3)
    PT_PCD_MASK: int = _bits(4)
    PT_ACCESSED_MASK: int = _bits(5)
    PT_DIRTY_MASK: int = _bits(6)
    PT_PAGE_SIZE_MASK: int = _bits(7)
    PT_GLOBAL_MASK: int = _bits(8)
    PT64_NX_MASK: int = _bits(63)

    VMX_EPT_READABLE_MASK: int = _bits(0)
    VMX_EPT_WRITABLE_MASK: int = _bits(1)
    VMX_EPT_EXECUTABLE_MASK: int = _bits(2)
    VMX_EPT_RWX_MASK: int = _range(2, 0)
    VMX_EPT_USER_EXECUTABLE_MASK: int = _bits(10)
    VMX_EPT_IPAT_BIT: int = _bits(6)
    VMX_EPT_ACCESS_BIT: int = _bits(8)
    VMX_EPT_DIRTY_BIT: int = _bits(9)
    VMX_EPT_SUPPRESS_VE_BIT: int = _bits(63)
    VMX_EPT_MISCONFIG_WX_VALUE: int = _bits(1, 2)

    SPTE_MMU_PRESENT_MASK: int = _bits(11)
    SPTE_BASE_ADDR_MASK: int = _range(51, 12)
    SPTE_TDP_AD_MASK: int = _range(61, 60)
    SPTE_TDP_AD_ENABLED: int = 0
    SPTE_TDP_AD_DISABLED: int = _bits(60)
    SPTE_TDP_AD_WRPROT_ONLY: int = _bits(61)

    SHADOW_ACC_TRACK_SAVED_BITS_MASK: int = _bits(0, 2, 10)
    SHADOW_ACC_TRACK_SAVED_BITS_SHIFT: int = 52

    DEFAULT_SPTE_HOST_WRITABLE: int = _bits(9)
    DEFAULT_SPTE_MMU_WRITABLE: int = _bits(10)
    EPT_SPTE_HOST_WRITABLE: int = _bits(53)
    EPT_SPTE_MMU_WRITABLE: int = _bits(55)

    MMIO_SPTE_GEN_LOW_MASK: int = _range(9, 3)
    MMIO_SPTE_GEN_HIGH_MASK: int = _range(62, 52)
    MMIO_SPTE_GEN_LOW_SHIFT: int = 3
    MMIO_SPTE_GEN_HIGH_SHIFT: int = 45
    MMIO_SPTE_GEN_MASK: int = _range(17, 0)
    KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS: int = _bits(63)
    KVM_MAX_NR_ADDRESS_SPACES: int = 2
    KVM_MEM_READONLY: int = _bits(1)
    KVM_DIRTY_LOG_INITIALLY_SET: int = _bits(1)
    KVM_MR_FLAGS_ONLY: int = 3
    SPTE_MMIO_ALLOWED_MASK: int = _bits(63) | _range(51, 12) | _bits(10) | _range(2, 0)

    SHADOW_NONPRESENT_VALUE: int = _bits(63)
    SHADOW_NONPRESENT_OR_RSVD_MASK_LEN: int = 5
    FROZEN_SPTE: int = _bits(63) | _bits(5, 7, 8)

    @property
    def acc_track_saved_slots(self) -> int:
        """The bits that hold the saved permissions of an access-tracked SPTE."""
        return self.SHADOW_ACC_TRACK_SAVED_BITS_MASK << self.SHADOW_ACC_TRACK_SAVED_BITS_SHIFT

    def failed_assertions(self) -> tuple[str, ...]:
        """Every ``static_assert`` of ``spte.h`` that does not hold of these numbers."""
        masks = {each.name: getattr(self, each.name) for each in fields(self)}
        masks["the saved bits of access tracking"] = self.acc_track_saved_slots
        failed = [
            f"{one} overlaps {other}" for one, others in _DISJOINT for other in others if masks[one] & masks[other]
        ]
        if self.SPTE_TDP_AD_ENABLED != 0:
            failed.append("SPTE_TDP_AD_ENABLED is not 0")
        widths = (self.MMIO_SPTE_GEN_LOW_MASK.bit_count(), self.MMIO_SPTE_GEN_HIGH_MASK.bit_count())
        if widths != (7, 11):
            failed.append("the parts of the MMIO generation are not 7 and 11 bits wide")
        return tuple(f"reference: {each}" for each in failed)


_SAVED = "the saved bits of access tracking"
_GENERATION = ("MMIO_SPTE_GEN_LOW_MASK", "MMIO_SPTE_GEN_HIGH_MASK")
_DISJOINT = (
    ("SPTE_TDP_AD_MASK", (_SAVED,)),
    ("EPT_SPTE_HOST_WRITABLE", ("SPTE_TDP_AD_MASK", _SAVED)),
    ("EPT_SPTE_MMU_WRITABLE", ("SPTE_TDP_AD_MASK", _SAVED)),
    ("SPTE_MMU_PRESENT_MASK", _GENERATION),
    ("SPTE_MMIO_ALLOWED_MASK", ("SPTE_MMU_PRESENT_MASK", *_GENERATION)),
    ("SHADOW_NONPRESENT_VALUE", ("SPTE_MMU_PRESENT_MASK",)),
    ("FROZEN_SPTE", ("SPTE_MMU_PRESENT_MASK", "VMX_EPT_RWX_MASK", "VMX_EPT_USER_EXECUTABLE_MASK")),
)
