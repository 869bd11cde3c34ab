"""Refactors that call something otherwise."""

from tests.refactors.refactor import MMU_C, MMU_H, PAGING_H, SPTE_C, Refactor, edit, renamed

NAMES = {
    "an operation on SPTEs has another name": Refactor(
        edits=(renamed("make_huge_spte", "make_hugepage_spte"),),
        functions=("make_hugepage_spte", "tdp_mmu_make_huge_spte"),
        names={"make_huge_spte": "make_hugepage_spte"},
        lost=("*",),
    ),
    "questions of one line about SPTEs have other names": Refactor(
        edits=(
            renamed("is_mmu_writable_spte", "is_mmu_writable_pte"),
            renamed("is_large_pte", "is_huge_pte"),
            renamed("is_last_spte", "is_leaf_spte"),
        ),
        functions=("fast_page_fault", "spte_needs_atomic_update", "make_small_spte"),
        names={
            "is_large_pte": "is_huge_pte",
            "is_mmu_writable_spte": "is_mmu_writable_pte",
            "is_last_spte": "is_leaf_spte",
        },
        lost=("*",),
    ),
    "the permission table is filled by a function of another name": Refactor(
        edits=(renamed("update_permission_bitmask", "refresh_permission_masks"),),
        functions=("reset_guest_paging_metadata", "kvm_init_shadow_ept_mmu"),
        names={"update_permission_bitmask": "refresh_permission_masks"},
        lost=("*",),
    ),
    "helpers of the walk have other names": Refactor(
        edits=(
            renamed("__is_bad_mt_xwr", "__is_bad_mt_rwx"),
            renamed("__is_rsvd_bits_set", "__has_rsvd_bits"),
            renamed("kvm_mmu_refresh_passthrough_bits", "kvm_mmu_refresh_wp"),
        ),
        functions=("permission_fault", "is_rsvd_spte"),
        names={"__is_bad_mt_xwr": "__is_bad_mt_rwx", "__is_rsvd_bits_set": "__has_rsvd_bits"},
        lost=("exec-only.misconfig", "entry.reserved-ept"),
    ),
    "reserved bits are worked out by functions of other names": Refactor(
        edits=(
            renamed("__reset_rsvds_bits_mask", "__calc_rsvd_bits"),
            renamed("__reset_rsvds_bits_mask_ept", "__calc_rsvd_bits_ept"),
            renamed("reset_guest_rsvds_bits_mask", "calc_guest_rsvd_bits"),
            renamed("reset_rsvds_bits_mask_ept", "calc_guest_rsvd_bits_ept"),
        ),
        functions=("calc_guest_rsvd_bits", "reset_shadow_zero_bits_mask"),
        names={"__reset_rsvds_bits_mask_ept": "__calc_rsvd_bits_ept"},
        lost=("exec-only.misconfig",),
    ),
    "parameters have other names": Refactor(
        edits=(
            renamed("pte_access", "access", SPTE_C, inside="make_spte"),
            renamed("small_spte", "spte", SPTE_C, inside="make_huge_spte"),
            renamed("ad_disabled", "no_ad", SPTE_C, inside="make_nonleaf_spte"),
            renamed("pte_access", "acc", MMU_H, inside="permission_fault"),
            renamed("access", "pfec64", MMU_H, inside="permission_fault"),
            renamed("execonly", "exec_only", MMU_C, inside="kvm_init_shadow_ept_mmu"),
            renamed("nested_cr3", "root_gpa", MMU_C, inside="kvm_init_shadow_npt_mmu"),
            renamed("context", "mmu", MMU_C, inside="kvm_init_shadow_npt_mmu"),
        ),
        functions=(
            "make_spte",
            "make_huge_spte",
            "make_nonleaf_spte",
            "permission_fault",
            "kvm_init_shadow_ept_mmu",
            "kvm_init_shadow_npt_mmu",
        ),
        names={
            "pte_access": "acc",
            "small_spte": "spte",
            "ad_disabled": "no_ad",
            "execonly": "exec_only",
            "nested_cr3": "root_gpa",
            "make_spte()": "not stated here",
        },
        lost=("*",),
    ),
    "parameters that are given by their type have other names": Refactor(
        edits=(
            renamed("vcpu", "v", MMU_H, inside="permission_fault"),
            renamed("(?:mmu|w)", "walk", MMU_H, inside="permission_fault"),
            renamed("sp", "page", SPTE_C, inside="make_spte"),
            renamed("slot", "memslot", SPTE_C, inside="make_spte"),
        ),
        functions=("make_spte", "permission_fault"),
    ),
    "locals have other names": Refactor(
        edits=(
            renamed("pfec", "index_bits", MMU_H, inside="permission_fault"),
            renamed("fault", "denied", MMU_H, inside="permission_fault"),
            renamed("errcode", "pf", MMU_H, inside="permission_fault"),
            edit(r"(?<!\.)\blevel\b", "lvl", SPTE_C, inside="make_spte"),
            renamed("is_host_mmio", "mmio", SPTE_C, inside="make_spte"),
            renamed("huge_spte", "result", SPTE_C, inside="make_huge_spte"),
            edit(r"(?<!>)\bpte_access\b", "raw_access", PAGING_H, inside="FNAME(walk_addr_generic)"),
        ),
        functions=("permission_fault", "make_spte", "make_huge_spte"),
    ),
    "locals of the set-ups have other names": Refactor(
        edits=(
            renamed("role", "r", MMU_C, inside="kvm_calc_tdp_mmu_root_page_role"),
            renamed("level", "walk_level", MMU_C, inside="kvm_init_shadow_ept_mmu"),
            renamed("new_mode", "cpu_role", MMU_C, inside="kvm_init_shadow_ept_mmu"),
            renamed("wp", "cr0_wp", MMU_C, inside="update_pkru_bitmask"),
        ),
        functions=("kvm_init_shadow_ept_mmu", "kvm_calc_tdp_mmu_root_page_role", "update_pkru_bitmask"),
    ),
    "a member has another name": Refactor(
        edits=(renamed("guest_rsvd_check", "gpte_rsvd"), renamed("shadow_zero_check", "spte_rsvd")),
        functions=("is_rsvd_spte",),
        trees=("7.2",),
        names={"guest_rsvd_check": "gpte_rsvd", "shadow_zero_check": "spte_rsvd"},
        lost=("*",),
    ),
    "a member of a page of SPTEs has another name": Refactor(
        edits=(renamed("nx_huge_page_disallowed", "no_nx_huge_page"), renamed("has_4_byte_gpte", "gpte_is_4_bytes")),
        functions=("kvm_calc_cpu_role", "disallowed_hugepage_adjust"),
        names={"has_4_byte_gpte": "gpte_is_4_bytes"},
        lost=("*",),
    ),
    "a mask has another name": Refactor(
        edits=(renamed("shadow_acc_track_mask", "shadow_access_track_mask"),),
        functions=("mark_spte_for_access_track", "restore_acc_track_spte"),
        names={"shadow_acc_track_mask": "shadow_access_track_mask"},
        lost=("*",),
    ),
    "a macro has another name": Refactor(
        edits=(renamed("ACC_USER_EXEC_MASK", "ACC_XU_MASK"),),
        functions=("change_spte_executable",),
        names={"ACC_USER_EXEC_MASK": "shadow_xu_mask is there"},
        lost=("*",),
    ),
    "a question to the vendor has another name": Refactor(
        edits=(
            renamed("tdp_has_smep", "tdp_uses_smep"),
            renamed("vmx_tdp_has_smep", "vmx_tdp_uses_smep"),
            renamed("svm_tdp_has_smep", "svm_tdp_uses_smep"),
        ),
        functions=("kvm_calc_tdp_mmu_root_page_role",),
        relation=("kvm_x86_tdp_uses_smep() is what kvm_x86_tdp_has_smep() was",),
        names={"tdp_uses_smep": "neither lifted nor on the list of cuts"},
        lost=("*",),
    ),
    "constants that only code uses have other names": Refactor(
        edits=(
            renamed("PT_PAGE_SIZE_MASK", "PT_HUGE_MASK"),
            renamed("SPTE_BASE_ADDR_MASK", "SPTE_PFN_MASK"),
            renamed("PT64_ROOT_4LEVEL", "PT_ROOT_4LEVEL"),
        ),
        functions=("make_huge_spte", "spte_to_pfn"),
    ),
}
