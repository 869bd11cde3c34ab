"""Functions of the MMU whose lines do not count, each with why: no theorem of ours would be about them."""

from __future__ import annotations

import enum
from collections.abc import Mapping


class Uncounted(enum.Enum):
    """Why the lines of a function do not count."""

    CONCURRENCY = "locks, RCU and lifetimes"
    ALLOCATION = "memory that is taken and given back"
    STATISTICS = "counters that nobody but a reader looks at"
    PARAMETERS = "module parameters"
    DEBUGGING = "tracing and self-checks"


REASONS: Mapping[Uncounted, tuple[str, ...]] = {
    Uncounted.CONCURRENCY: (
        "walk_shadow_page_lockless_begin",
        "walk_shadow_page_lockless_end",
        "__kvm_rmap_lock",
        "kvm_rmap_lock",
        "__kvm_rmap_unlock",
        "kvm_rmap_unlock",
        "kvm_rmap_lock_readonly",
        "kvm_rmap_unlock_readonly",
        "kvm_wake_nx_recovery_thread",
        "kvm_nx_huge_page_recovery_worker",
        "kvm_nx_huge_page_recovery_worker_kill",
        "kvm_mmu_start_lpage_recovery",
        "kvm_mmu_post_init_vm",
        "kvm_mmu_pre_destroy_vm",
        "kvm_tdp_mmu_get_root",
        "kvm_tdp_mmu_put_root",
        "kvm_tdp_mmu_walk_lockless_begin",
        "kvm_tdp_mmu_walk_lockless_end",
        "tdp_mmu_free_sp_rcu_callback",
        "tdp_mmu_iter_need_resched",
    ),
    Uncounted.ALLOCATION: (
        "mmu_topup_memory_caches",
        "mmu_free_memory_caches",
        "mmu_free_pte_list_desc",
        "kvm_mmu_free_shadow_page",
        "kvm_mmu_available_pages",
        "make_mmu_pages_available",
        "kvm_mmu_change_mmu_pages",
        "kvm_mmu_alloc_page_hash",
        "mmu_first_shadow_root_alloc",
        "free_mmu_pages",
        "mmu_free_vm_memory_caches",
        "kvm_mmu_uninit_vm",
        "need_topup",
        "need_topup_split_caches_or_resched",
        "topup_split_caches",
        "mmu_destroy_caches",
        "kvm_mmu_destroy",
        "kvm_mmu_vendor_module_exit",
        "kvm_mmu_alloc_external_spt",
        "kvm_page_track_free_memslot",
        "__kvm_page_track_write_tracking_alloc",
        "kvm_page_track_create_memslot",
        "kvm_page_track_write_tracking_alloc",
        "kvm_mmu_uninit_tdp_mmu",
        "__tdp_mmu_free_sp",
        "tdp_mmu_free_unused_sp",
        "tdp_mmu_alloc_sp",
        "tdp_mmu_alloc_sp_for_split",
    ),
    Uncounted.STATISTICS: (
        "kvm_update_page_stats",
        "kvm_account_mmu_page",
        "kvm_unaccount_mmu_page",
        "tdp_account_mmu_page",
        "tdp_unaccount_mmu_page",
    ),
    Uncounted.PARAMETERS: (
        "__check_flush_on_reuse",
        "__check_tdp_mmu",
        "__check_mmio_caching",
        "__check_eager_page_split",
        "get_nx_huge_pages",
        "get_nx_auto_mode",
        "__set_nx_huge_pages",
        "set_nx_huge_pages",
        "set_nx_huge_pages_recovery_param",
        "calc_nx_huge_pages_recovery_period",
    ),
    Uncounted.DEBUGGING: ("kvm_mmu_check_sptes_at_free", "kvm_mmu_print_sptes", "kvm_lockdep_assert_mmu_lock_held"),
}
