"""The calls that changing SPTEs makes and that are not followed.

The loops over SPTEs are followed for one entry that stands for any: what finds the next one gives the SPTE that
is asked about, and then none.  A result that may be anything stands for every result.
"""

from __future__ import annotations

from mmuproof.lift.cuts import Cut
from mmuproof.model.cuts import common

# What finds the SPTE; the lifted side fills in what is found.
PAGE_TABLE_ADDRESS = Cut("__phys_addr_nodebug", "the physical address of a page table, any")
FIND_FOR_FAST_FAULT = tuple(
    Cut(name, "walks the tables down to the SPTE that is asked about", writes=((2, ""),))
    for name in ("kvm_tdp_mmu_fast_pf_get_last_sptep", "fast_pf_get_last_sptep")
)
SHADOW_PAGE = tuple(
    Cut(name, "the shadow page that the SPTE is in, of any role") for name in ("sptep_to_sp", "to_shadow_page")
)
TDP_START = Cut("tdp_iter_start", "walks the tables to the SPTE that is asked about", writes=((0, ""),))
TDP_NEXT = Cut("tdp_iter_next", "there is no other SPTE: what happens to one is what is asked")
RMAP_FIRST = tuple(
    Cut(name, "finds the SPTE that is asked about in the reverse map")
    for name in ("__rmap_get_first", "rmap_get_first")
)
RMAP_NEXT = Cut("rmap_get_next", "there is no other SPTE: what happens to one is what is asked")
SLOT_START = Cut("slot_rmap_walk_init", "walks to the reverse map that is asked about", writes=((0, ""),))
SLOT_NEXT = Cut("slot_rmap_walk_next", "there is no other reverse map: what happens to one is what is asked")
RESCHEDULE = Cut("tdp_mmu_iter_cond_resched", "may let others run, which is not modelled: it does not")
AFTER_A_CHANGE = Cut(
    "__handle_changed_spte", "frees what the old SPTE led to, and tells TDX; does not fail for tables of KVM's own"
)
PRIVATE_MEMORY = Cut("kvm_mem_is_private", "whether a page is private to the guest: any answer")

MARK_DIRTY = Cut("mark_page_dirty_in_slot", "notes that a page was written, which no SPTE depends on")
PAGE_COUNT = Cut("page_count", "how often a page is used; only an assertion asks")

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    *(
        Cut(name, "notes that a page was used or written, which no SPTE depends on")
        for name in ("kvm_set_pfn_accessed", "kvm_set_pfn_dirty")
    ),
    MARK_DIRTY,
    *(
        Cut(name, "tells a tracer, which changes nothing")
        for name in ("trace_fast_page_fault", "trace_kvm_tdp_mmu_spte_changed")
    ),
    *(
        Cut(name, "keeps page tables from being freed, which changes no SPTE")
        for name in (
            "walk_shadow_page_lockless_begin", "walk_shadow_page_lockless_end",
            "__rcu_read_lock", "__rcu_read_unlock", "kvm_rmap_lock_readonly", "kvm_rmap_unlock_readonly",
        )
    ),
    Cut("kvm_rmap_get", "the head of the reverse map, which only finds SPTEs"),
    Cut("gfn_to_rmap", "finds the reverse map of a page frame"),
    PRIVATE_MEMORY,
    Cut("lockdep_is_held", "whether a lock is held, which only an assertion asks"),
    Cut("_printk", "prints"),
    Cut("kvm_update_page_stats", "counts pages"),
    Cut("kvm_pfn_to_refcounted_page", "the page of a frame, if it has one; only an assertion asks"),
    PAGE_COUNT,
    Cut("handle_changed_spte", "frees what the old SPTE led to; writes no SPTE that is still linked"),
    Cut("handle_changed_spte_acc_track", "notes that a page was used, which no SPTE depends on"),
    Cut("handle_changed_spte_dirty_log", "notes that a page was written, which no SPTE depends on"),
)  # fmt: skip
