"""The calls that changing SPTEs makes and that are not followed.

The loops over SPTEs are followed for one entry that stands for any: what finds the next one gives the SPTE that
is asked about, and then none.  A result that may be anything stands for every result.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common

# What finds the SPTE; the lifted side fills in what is found.
PAGE_TABLE_ADDRESS = Cut(function="__phys_addr_nodebug", reason="the physical address of a page table, any")
FIND_FOR_FAST_FAULT = tuple(
    Cut(function=name, reason="walks the tables down to the SPTE that is asked about", writes=((2, ""),))
    for name in ("kvm_tdp_mmu_fast_pf_get_last_sptep", "fast_pf_get_last_sptep")
)
SHADOW_PAGE = tuple(
    Cut(function=name, reason="the shadow page that the SPTE is in, of any role")
    for name in ("sptep_to_sp", "to_shadow_page")
)
TDP_START = Cut(function="tdp_iter_start", reason="walks the tables to the SPTE that is asked about", writes=((0, ""),))
TDP_NEXT = Cut(function="tdp_iter_next", reason="there is no other SPTE: what happens to one is what is asked")
RMAP_FIRST = tuple(
    Cut(function=name, reason="finds the SPTE that is asked about in the reverse map")
    for name in ("__rmap_get_first", "rmap_get_first")
)
RMAP_NEXT = Cut(function="rmap_get_next", reason="there is no other SPTE: what happens to one is what is asked")
SLOT_START = Cut(
    function="slot_rmap_walk_init", reason="walks to the reverse map that is asked about", writes=((0, ""),)
)
SLOT_NEXT = Cut(
    function="slot_rmap_walk_next", reason="there is no other reverse map: what happens to one is what is asked"
)
RESCHEDULE = Cut(function="tdp_mmu_iter_cond_resched", reason="may let others run, which is not modelled: it does not")
AFTER_A_CHANGE = Cut(
    function="__handle_changed_spte",
    reason="frees what the old SPTE led to, and tells TDX; does not fail for tables of KVM's own",
    elsewhere=("*",),
)
CHANGED = (
    AFTER_A_CHANGE,
    Cut(
        function="handle_changed_spte",
        reason="frees what the old SPTE led to; writes no SPTE that is still linked",
        elsewhere=("*",),
    ),
)
"""What is told of the SPTE that was replaced."""
PRIVATE_MEMORY = Cut(function="kvm_mem_is_private", reason="whether a page is private to the guest: any answer")

PAGE_FAULT = Cut(
    function="kvm_tdp_page_fault", reason="handles the fault; what it is told of it is looked at", watched=True
)
DO_PAGE_FAULT: tuple[Cut, ...] = (
    *common.CUTS,
    PAGE_FAULT,
    Cut(function="__gfn_to_memslot", reason="finds the memory slot of an address, on which no permission depends"),
    Cut(function="kvm_vcpu_gfn_to_memslot", reason="finds the memory slot of an address: no permission depends on it"),
    Cut(function="kvm_prepare_memory_fault_exit", reason="tells userspace, after the fault has been handled"),
    *common.each("prints, or says whether something is to be printed", "_printk", "___ratelimit"),
)
"""For what a handler of page faults is told."""

MARK_DIRTY = Cut(function="mark_page_dirty_in_slot", reason="notes that a page was written, which no SPTE depends on")
PAGE_COUNT = Cut(function="page_count", reason="how often a page is used; only an assertion asks")

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    *(
        Cut(function=name, reason="notes that a page was used or written, which no SPTE depends on")
        for name in ("kvm_set_pfn_accessed", "kvm_set_pfn_dirty")
    ),
    MARK_DIRTY,
    *(
        Cut(function=name, reason="tells a tracer, which changes nothing")
        for name in ("trace_fast_page_fault", "trace_kvm_tdp_mmu_spte_changed")
    ),
    *(
        Cut(function=name, reason="keeps page tables from being freed, which changes no SPTE")
        for name in (
            "walk_shadow_page_lockless_begin",
            "walk_shadow_page_lockless_end",
            "__rcu_read_lock",
            "__rcu_read_unlock",
            "kvm_rmap_lock_readonly",
            "kvm_rmap_unlock_readonly",
        )
    ),
    Cut(function="kvm_rmap_get", reason="the head of the reverse map, which only finds SPTEs"),
    Cut(function="gfn_to_rmap", reason="finds the reverse map of a page frame"),
    PRIVATE_MEMORY,
    Cut(function="lockdep_is_held", reason="whether a lock is held, which only an assertion asks"),
    Cut(function="_printk", reason="prints"),
    Cut(function="kvm_update_page_stats", reason="counts pages"),
    Cut(function="kvm_pfn_to_refcounted_page", reason="the page of a frame, if it has one; only an assertion asks"),
    PAGE_COUNT,
    CHANGED[-1],
    Cut(function="handle_changed_spte_acc_track", reason="notes that a page was used, which no SPTE depends on"),
    Cut(function="handle_changed_spte_dirty_log", reason="notes that a page was written, which no SPTE depends on"),
)
