"""The calls that storing SPTEs makes and that are not followed: what makes them, and what is done besides."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, roles, spte_changes
from mmuproof.model.named import kvm_mmu_page

_MADE = "makes the value of an entry, any; where that is written is looked at"
MAKE_SPTE = Cut(function="make_spte", reason=_MADE, writes=((10, "*"),))
MAKE_MMIO_SPTE = Cut(function="make_mmio_spte", reason=_MADE)
MAKE_NONLEAF_SPTE = Cut(function="make_nonleaf_spte", reason=_MADE)
MAKE_SMALL_SPTE = tuple(
    Cut(function=name, reason=_MADE, watched=True) for name in ("make_small_spte", "make_huge_page_split_spte")
)

_ALLOWED = tuple(
    Cut(function=name, reason="whether an SPTE allows the access already: any answer; reads only")
    for name in ("is_access_allowed", "spte_permission_fault")
)
_VOLATILE = tuple(
    Cut(function=name, reason="whether the write has to be one step: any answer; reads only")
    for name in ("spte_needs_atomic_update", "spte_has_volatile_bits")
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
        "kvm_flush_remote_tlbs",
        "kvm_flush_remote_tlbs_gfn",
        "kvm_flush_remote_tlbs_with_address",
        "kvm_flush_remote_tlbs_sptep",
    ),
    *common.each(
        "a tracepoint; reads only", "trace_mark_mmio_spte", "trace_kvm_mmu_set_spte", "trace_kvm_mmu_split_huge_page"
    ),
    *common.each("counts; writes no SPTE", "kvm_update_page_stats", "tdp_account_mmu_page"),
    Cut(function="_printk", reason="prints"),
    Cut(function="lockdep_is_held", reason="whether a lock is held, which only an assertion asks"),
)

AFTER_A_CHANGE = spte_changes.AFTER_A_CHANGE
TDP: tuple[Cut, ...] = (
    *_BESIDE,
    *MAKE_SMALL_SPTE,
    AFTER_A_CHANGE,
    Cut(
        function="handle_changed_spte",
        reason="frees what the old SPTE led to; writes no SPTE that is still linked",
        elsewhere=("*",),
    ),
    Cut(
        function="tdp_mmu_init_sp",
        reason="sets the page up that is filled, whose role is any; notes where it will be linked, and writes no SPTE",
        writes=((0, kvm_mmu_page.ROLE),),
        elsewhere=("argument 1",),
    ),
    *common.each(
        "notes that a page was used or written; writes no SPTE",
        "handle_changed_spte_acc_track",
        "handle_changed_spte_dirty_log",
    ),
    *common.each("keeps the list of pages in order", "_raw_spin_lock", "_raw_spin_unlock", "__list_add"),
    *common.each("counts; writes no SPTE", "account_huge_nx_page"),
)
SHADOW: tuple[Cut, ...] = (
    *_BESIDE,
    *(
        Cut(function=name, reason="finds the page that an SPTE leads to; reads only")
        for name in ("spte_to_child_sp", "to_shadow_page")
    ),
    *(
        Cut(
            function="drop_parent_pte",
            reason="takes a page table away that a huge page replaces, and leaves the entry empty: any content",
            writes=((position, "*"),),
            elsewhere=("*",),
        )
        for position in (2, 1)
    ),
    Cut(
        function="drop_spte",
        reason="takes an SPTE of another frame away, and leaves the entry empty: any content",
        writes=((1, "*"),),
        elsewhere=("*",),
    ),
    Cut(
        function="mmu_page_zap_pte",
        reason="takes away what the entry held, and leaves it empty: any content",
        writes=((2, "*"),),
        elsewhere=("*",),
    ),
    Cut(function="kvm_mmu_commit_zap_page", reason="frees pages that no entry leads to any more", elsewhere=("*",)),
    *(
        Cut(
            function=name,
            reason="notes where an SPTE is, in lists of its own; writes no SPTE",
            elsewhere=("*", f"argument {position}"),
        )
        for name, position in (("rmap_add", 2), ("mark_unsync", 0))
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
        function="kvm_mmu_page_set_access",
        reason="notes what the guest's entry grants, beside the table; writes no SPTE",
        elsewhere=("*",),
    ),
    *common.each(
        "notes that a page was used or written; writes no SPTE",
        "kvm_set_pfn_accessed",
        "kvm_set_pfn_dirty",
        "mark_page_dirty_in_slot",
    ),
)
SPTEP_TO_SP = roles.SPTEP_TO_SP
