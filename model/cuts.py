"""The calls that the lifted MMU code makes and that are not followed, with the reason for each.

A result that may be anything stands for every result; what such a call writes is listed and becomes unknown.
Everything else that MMU code calls is lifted or refused.
"""

from __future__ import annotations

from mmuproof.lift.cuts import Cut

GET_RFLAGS = "kvm_x86_get_rflags"
GET_MT_MASK = "kvm_x86_get_mt_mask"
TRY_TO_UNSYNC = "mmu_try_to_unsync_pages"

CUTS: tuple[Cut, ...] = (
    Cut(GET_RFLAGS, "reads the guest's RFLAGS, any value; fills only the register cache"),
    Cut("variable_test_bit", "reads one bit, which may be 0 or 1; inline assembly"),
    Cut(
        "kvm_x86_cache_reg",
        "fetches a register of the guest, any value, into the register cache",
        writes=((0, "arch.cr0"),),
    ),
    Cut(
        "reset_guest_rsvds_bits_mask",
        "computes the reserved bits of guest entries, which no permission depends on",
        writes=(
            (1, "guest_rsvd_check|fmt.rsvd_bits_mask"),
            (1, "guest_rsvd_check|fmt.bad_mt_xwr"),
        ),
    ),
    Cut(
        "reset_shadow_zero_bits_mask",
        "computes the reserved bits of SPTEs, which no permission depends on",
        writes=(
            (1, "shadow_zero_check|fmt.rsvd_bits_mask"),
            (1, "shadow_zero_check|fmt.bad_mt_xwr"),
        ),
    ),
    Cut(
        "kvm_mmu_new_pgd",
        "finds or drops the root of the new tables; changes roots and requests, no role and no metadata",
    ),
    Cut("kvm_mmu_get_tdp_level", "the level of the root that KVM builds, which no permission depends on"),
    Cut("kvm_is_mmio_pfn", "whether a page frame is MMIO of the host: any answer"),
    Cut("__kvm_is_mmio_pfn", "whether a page frame is MMIO of the host: any answer"),
    Cut(
        GET_MT_MASK,
        "the EPT memory type and the ignore-PAT bit, bits 6:3, any value there",
        result_mask=0x78,
    ),
    Cut(
        TRY_TO_UNSYNC,
        "whether a page must stay write-protected: any answer; writes no SPTE and no mask that make_spte() reads",
    ),
    Cut("mark_page_dirty_in_slot", "marks a page in the dirty log, which make_spte() does not read"),
    Cut("kvm_track_host_mmio_mapping", "notes that MMIO is mapped; make_spte() does not read the note"),
    Cut("root_to_sp", "finds the root's shadow page, if there is one; reads only"),
    Cut("kvm_vcpu_can_access_host_mmio", "reads a note about the root: any answer"),
    Cut("_static_cpu_has", "whether the host has a feature, the same for one feature", repeatable=True),
    Cut("__static_cpu_has", "whether the host has a feature, the same for one feature", repeatable=True),
    Cut("cpuid_eax", "a number that the host's CPUID gives", repeatable=True),
)
