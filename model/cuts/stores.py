"""The calls that storing SPTEs makes and that are not followed: what makes them, and what is done besides."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, roles, spte_changes
from mmuproof.model.named import functions, kvm_mmu_page

_MADE = "makes the value of an entry, any; where that is written is looked at"
MAKE_SPTE = Cut(function=functions.MAKE_SPTE, reason=_MADE, writes=((10, "*"),))
MAKE_MMIO_SPTE = Cut(function=functions.MAKE_MMIO_SPTE, reason=_MADE)
MAKE_NONLEAF_SPTE = Cut(function=functions.MAKE_NONLEAF_SPTE, reason=_MADE)
MAKE_SMALL_SPTE = tuple(
    Cut(function=name, reason=_MADE, watched=True)
    for name in (functions.MAKE_SMALL_SPTE, functions.MAKE_HUGE_PAGE_SPLIT_SPTE)
)

_ALLOWED = tuple(
    Cut(function=name, reason="whether an SPTE allows the access already: any answer; reads only")
    for name in (functions.IS_ACCESS_ALLOWED, functions.SPTE_PERMISSION_FAULT)
)
_VOLATILE = tuple(
    Cut(function=name, reason="whether the write has to be one step: any answer; reads only")
    for name in (functions.SPTE_NEEDS_ATOMIC_UPDATE, functions.SPTE_HAS_VOLATILE_BITS)
)
_BESIDE: tuple[Cut, ...] = (
    *common.CUTS,
    MAKE_SPTE,
    MAKE_MMIO_SPTE,
    MAKE_NONLEAF_SPTE,
    *_ALLOWED,
    *_VOLATILE,
    *common.each(
        "flushes TLBs",
        functions.KVM_FLUSH_REMOTE_TLBS,
        functions.KVM_FLUSH_REMOTE_TLBS_GFN,
        functions.KVM_FLUSH_REMOTE_TLBS_WITH_ADDRESS,
        functions.KVM_FLUSH_REMOTE_TLBS_SPTEP,
    ),
    *common.each(
        "a tracepoint; reads only",
        functions.TRACE_MARK_MMIO_SPTE,
        functions.TRACE_KVM_MMU_SET_SPTE,
        functions.TRACE_KVM_MMU_SPLIT_HUGE_PAGE,
    ),
    *common.each("counts; writes no SPTE", functions.KVM_UPDATE_PAGE_STATS, "tdp_account_mmu_page"),
    Cut(function=functions.PRINTK, reason="prints"),
    Cut(function=functions.LOCKDEP_IS_HELD, reason="whether a lock is held, which only an assertion asks"),
)

AFTER_A_CHANGE = spte_changes.AFTER_A_CHANGE
TDP: tuple[Cut, ...] = (
    *_BESIDE,
    *MAKE_SMALL_SPTE,
    AFTER_A_CHANGE,
    Cut(
        function=functions.HANDLE_CHANGED_SPTE,
        reason="frees what the old SPTE led to; writes no SPTE that is still linked",
        elsewhere=("*",),
    ),
    Cut(
        function=functions.TDP_MMU_INIT_SP,
        reason="sets the page up that is filled, whose role is any; notes where it will be linked, and writes no SPTE",
        writes=((0, kvm_mmu_page.ROLE),),
        elsewhere=("argument 1",),
    ),
    *common.each(
        "notes that a page was used or written; writes no SPTE",
        functions.HANDLE_CHANGED_SPTE_ACC_TRACK,
        functions.HANDLE_CHANGED_SPTE_DIRTY_LOG,
    ),
    *common.each(
        "keeps the list of pages in order", functions.RAW_SPIN_LOCK, functions.RAW_SPIN_UNLOCK, functions.INNER_LIST_ADD
    ),
    *common.each("counts; writes no SPTE", functions.ACCOUNT_HUGE_NX_PAGE),
)
SHADOW: tuple[Cut, ...] = (
    *_BESIDE,
    *(
        Cut(function=name, reason="finds the page that an SPTE leads to; reads only")
        for name in (functions.SPTE_TO_CHILD_SP, functions.TO_SHADOW_PAGE)
    ),
    *(
        Cut(
            function=functions.DROP_PARENT_PTE,
            reason="takes a page table away that a huge page replaces, and leaves the entry empty: any content",
            writes=((position, "*"),),
            elsewhere=("*",),
        )
        for position in (2, 1)
    ),
    Cut(
        function=functions.DROP_SPTE,
        reason="takes an SPTE of another frame away, and leaves the entry empty: any content",
        writes=((1, "*"),),
        elsewhere=("*",),
    ),
    Cut(
        function=functions.MMU_PAGE_ZAP_PTE,
        reason="takes away what the entry held, and leaves it empty: any content",
        writes=((2, "*"),),
        elsewhere=("*",),
    ),
    Cut(
        function=functions.KVM_MMU_COMMIT_ZAP_PAGE,
        reason="frees pages that no entry leads to any more",
        elsewhere=("*",),
    ),
    *(
        Cut(
            function=name,
            reason="notes where an SPTE is, in lists of its own; writes no SPTE",
            elsewhere=("*", f"argument {position}"),
        )
        for name, position in ((functions.RMAP_ADD, 2), (functions.MARK_UNSYNC, 0))
    ),
    *(
        Cut(
            function="mmu_page_add_parent_pte",
            reason="notes in a page what leads to it, in lists of its own; writes no SPTE",
            writes=((page, kvm_mmu_page.PARENT_PTES),),
            elsewhere=("*", f"argument {page + 1}"),
        )
        for page in (2, 1)
    ),
    Cut(
        function=functions.KVM_MMU_PAGE_SET_ACCESS,
        reason="notes what the guest's entry grants, beside the table; writes no SPTE",
        elsewhere=("*",),
    ),
    *common.each(
        "notes that a page was used or written; writes no SPTE",
        functions.KVM_SET_PFN_ACCESSED,
        functions.KVM_SET_PFN_DIRTY,
        functions.MARK_PAGE_DIRTY_IN_SLOT,
    ),
)
SPTEP_TO_SP = roles.SPTEP_TO_SP
