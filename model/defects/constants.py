"""Defects of the kernel's numbers: those of the SPTE's layout, and of error codes."""

from __future__ import annotations

from mmuproof.model.defects.defect import Defect, defect, with_numbers
from mmuproof.model.reference.kvm import Constants

_SPTE_H = "arch/x86/kvm/mmu/spte.h"


DEFECTS: tuple[Defect, ...] = (
    defect(
        "frozen-has-bit-10",
        "FROZEN_SPTE has bit 10, which is XU under MBEC.",
        _SPTE_H,
        r"(#define FROZEN_SPTE\s+\(SHADOW_NONPRESENT_VALUE \| 0x)1a0",
        r"\g<1>5a0",
        with_numbers(FROZEN_SPTE=Constants.FROZEN_SPTE | 1 << 10),
    ),
    defect(
        "frozen-has-pfn",
        "FROZEN_SPTE has a bit of the page frame number.",
        _SPTE_H,
        r"(#define FROZEN_SPTE\s+\(SHADOW_NONPRESENT_VALUE \| 0x)1a0",
        r"\g<1>11a0",
        with_numbers(FROZEN_SPTE=Constants.FROZEN_SPTE | 1 << 12),
    ),
    defect(
        "mmu-writable-in-saved-slot",
        "MMU-writable sits in the slot where X is saved.",
        _SPTE_H,
        r"(#define EPT_SPTE_MMU_WRITABLE\s+BIT_ULL\()55",
        r"\g<1>54",
        with_numbers(EPT_SPTE_MMU_WRITABLE=1 << 54),
    ),
    defect(
        "host-writable-at-xu",
        "Host-writable sits at bit 10, which is XU under MBEC.",
        _SPTE_H,
        r"(#define EPT_SPTE_HOST_WRITABLE\s+BIT_ULL\()53",
        r"\g<1>10",
        with_numbers(EPT_SPTE_HOST_WRITABLE=1 << 10),
    ),
    defect(
        "track-saves-no-xu",
        "Access tracking does not save XU.",
        _SPTE_H,
        r"(VMX_EPT_EXECUTABLE_MASK) \| \\\s+VMX_EPT_USER_EXECUTABLE_MASK\)",
        r"\1)",
        with_numbers(SHADOW_ACC_TRACK_SAVED_BITS_MASK=0b101),
    ),
    defect(
        "default-host-writable-at-global",
        "Outside EPT host-writable sits at bit 8, which is G.",
        _SPTE_H,
        r"(#define DEFAULT_SPTE_HOST_WRITABLE\s+BIT_ULL\()9",
        r"\g<1>8",
        with_numbers(DEFAULT_SPTE_HOST_WRITABLE=1 << 8),
    ),
    defect(
        "default-mmu-writable-reserved",
        "Outside EPT MMU-writable sits at bit 55, which PAE paging reserves.",
        _SPTE_H,
        r"(#define DEFAULT_SPTE_MMU_WRITABLE\s+BIT_ULL\()10",
        r"\g<1>55",
        with_numbers(DEFAULT_SPTE_MMU_WRITABLE=1 << 55),
    ),
    defect(
        "ad-types-alike",
        "SPTEs that need write protection are not told from those with A/D bits.",
        _SPTE_H,
        r"(#define SPTE_TDP_AD_WRPROT_ONLY\s+\()2ULL",
        r"\g<1>0ULL",
        with_numbers(SPTE_TDP_AD_WRPROT_ONLY=0),
    ),
    defect(
        "implicit-access-is-private",
        "The bit for implicit accesses is also that for private ones.",
        "arch/x86/include/asm/kvm_host.h",
        r"(#define PFERR_IMPLICIT_ACCESS\s+BIT_ULL\()48",
        r"\g<1>49",
        with_numbers(PFERR_IMPLICIT_ACCESS=1 << 49, PFERR_SYNTHETIC_MASK=1 << 49),
    ),
)
