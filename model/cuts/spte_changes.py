"""The calls that changing SPTEs makes and that are not followed.

The loops over SPTEs are followed for one entry that stands for any: what finds the next one gives the SPTE that
is asked about, and then none.  A result that may be anything stands for every result.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

# What finds the SPTE; the lifted side fills in what is found.
PAGE_TABLE_ADDRESS = Cut(function=functions.INNER_PHYS_ADDR_NODEBUG, reason="the physical address of a page table, any")
FIND_FOR_FAST_FAULT = tuple(
    Cut(function=name, reason="walks the tables down to the SPTE that is asked about", writes=((2, ""),))
    for name in (functions.KVM_TDP_MMU_FAST_PF_GET_LAST_SPTEP, functions.FAST_PF_GET_LAST_SPTEP)
)
SHADOW_PAGE = tuple(
    Cut(function=name, reason="the shadow page that the SPTE is in, of any role")
    for name in (functions.SPTEP_TO_SP, functions.TO_SHADOW_PAGE)
)
TDP_START = Cut(
    function=functions.TDP_ITER_START, reason="walks the tables to the SPTE that is asked about", writes=((0, ""),)
)
TDP_NEXT = Cut(function=functions.TDP_ITER_NEXT, reason="there is no other SPTE: what happens to one is what is asked")
RMAP_FIRST = tuple(
    Cut(function=name, reason="finds the SPTE that is asked about in the reverse map")
    for name in ("__rmap_get_first", functions.RMAP_GET_FIRST)
)
RMAP_NEXT = Cut(function=functions.RMAP_GET_NEXT, reason="there is no other SPTE: what happens to one is what is asked")
SLOT_START = Cut(
    function=functions.SLOT_RMAP_WALK_INIT, reason="walks to the reverse map that is asked about", writes=((0, ""),)
)
SLOT_NEXT = Cut(
    function=functions.SLOT_RMAP_WALK_NEXT, reason="there is no other reverse map: what happens to one is what is asked"
)
RESCHEDULE = Cut(
    function=functions.TDP_MMU_ITER_COND_RESCHED, reason="may let others run, which is not modelled: it does not"
)
AFTER_A_CHANGE = Cut(
    function=functions.INNER_HANDLE_CHANGED_SPTE,
    reason="frees what the old SPTE led to, and tells TDX; does not fail for tables of KVM's own",
    elsewhere=("*",),
)
CHANGED = (
    AFTER_A_CHANGE,
    Cut(
        function=functions.HANDLE_CHANGED_SPTE,
        reason="frees what the old SPTE led to; writes no SPTE that is still linked",
        elsewhere=("*",),
    ),
)
"""What is told of the SPTE that was replaced."""
PRIVATE_MEMORY = Cut(function=functions.KVM_MEM_IS_PRIVATE, reason="whether a page is private to the guest: any answer")

PAGE_FAULT = Cut(
    function=functions.KVM_TDP_PAGE_FAULT, reason="handles the fault; what it is told of it is looked at", watched=True
)
DO_PAGE_FAULT: tuple[Cut, ...] = (
    *common.CUTS,
    PAGE_FAULT,
    Cut(
        function=functions.INNER_GFN_TO_MEMSLOT,
        reason="finds the memory slot of an address, on which no permission depends",
    ),
    Cut(
        function=functions.KVM_VCPU_GFN_TO_MEMSLOT,
        reason="finds the memory slot of an address: no permission depends on it",
    ),
    Cut(function=functions.KVM_PREPARE_MEMORY_FAULT_EXIT, reason="tells userspace, after the fault has been handled"),
    *common.PRINTS,
)
"""For what a handler of page faults is told."""

MARK_DIRTY = Cut(
    function=functions.MARK_PAGE_DIRTY_IN_SLOT, reason="notes that a page was written, which no SPTE depends on"
)
PAGE_COUNT = Cut(function=functions.PAGE_COUNT, reason="how often a page is used; only an assertion asks")

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    *(
        Cut(function=name, reason="notes that a page was used or written, which no SPTE depends on")
        for name in (functions.KVM_SET_PFN_ACCESSED, functions.KVM_SET_PFN_DIRTY)
    ),
    MARK_DIRTY,
    *(
        Cut(function=name, reason="tells a tracer, which changes nothing")
        for name in ("trace_fast_page_fault", functions.TRACE_KVM_TDP_MMU_SPTE_CHANGED)
    ),
    *(
        Cut(function=name, reason="keeps page tables from being freed, which changes no SPTE")
        for name in (
            functions.WALK_SHADOW_PAGE_LOCKLESS_BEGIN,
            functions.WALK_SHADOW_PAGE_LOCKLESS_END,
            "__rcu_read_lock",
            "__rcu_read_unlock",
            functions.KVM_RMAP_LOCK_READONLY,
            functions.KVM_RMAP_UNLOCK_READONLY,
        )
    ),
    Cut(function="kvm_rmap_get", reason="the head of the reverse map, which only finds SPTEs"),
    Cut(function=functions.GFN_TO_RMAP, reason="finds the reverse map of a page frame"),
    PRIVATE_MEMORY,
    Cut(function=functions.LOCKDEP_IS_HELD, reason="whether a lock is held, which only an assertion asks"),
    Cut(function=functions.PRINTK, reason="prints"),
    Cut(function=functions.KVM_UPDATE_PAGE_STATS, reason="counts pages"),
    Cut(
        function=functions.KVM_PFN_TO_REFCOUNTED_PAGE,
        reason="the page of a frame, if it has one; only an assertion asks",
    ),
    PAGE_COUNT,
    CHANGED[-1],
    Cut(
        function=functions.HANDLE_CHANGED_SPTE_ACC_TRACK, reason="notes that a page was used, which no SPTE depends on"
    ),
    Cut(
        function=functions.HANDLE_CHANGED_SPTE_DIRTY_LOG,
        reason="notes that a page was written, which no SPTE depends on",
    ),
)
