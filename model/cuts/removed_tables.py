"""The calls that taking a table of the TDP MMU apart makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, roles
from mmuproof.model.named import functions, kvm_mmu_page, list_heads

CHILD = Cut(
    function=functions.SPTE_TO_CHILD_PT, reason="finds the table that an entry leads to; of which entry is looked at"
)
REMOVED = Cut(
    function="handle_removed_pt",
    reason="takes a table apart; which one, and when, is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST),
)
READ = Cut(function=functions.KVM_TDP_MMU_READ_SPTE, reason="reads an entry: any content; of which one is looked at")
EXCHANGE = Cut(
    function="kvm_tdp_mmu_write_spte_atomic",
    reason="exchanges an entry, which held anything; which one, and for what, is looked at",
    elsewhere=("*",),
)
WRITE = Cut(
    function="kvm_tdp_mmu_write_spte",
    reason="writes an entry, which held anything by then; which one, and what, is looked at",
    elsewhere=("*",),
)
CHANGED = Cut(
    function=functions.HANDLE_CHANGED_SPTE,
    reason="does what a change of an entry needs; what it is told is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST),
)
SPTEP_TO_SP = roles.SPTEP_TO_SP
UNLINK = Cut(
    function=functions.TDP_MMU_UNLINK_SP,
    reason="takes the page off the list of those that may become huge; that it does, and which, is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST, "argument 0", "argument 1"),
)
UNTRACK = tuple(
    Cut(
        function=name,
        reason="takes a page off the list of those that may become huge; which, and when, is looked at",
        elsewhere=("*", list_heads.LIST, "argument 1"),
    )
    for name in ("untrack_possible_nx_huge_page", functions.UNACCOUNT_HUGE_NX_PAGE)
)
UNLINKS: tuple[Cut, ...] = (
    *common.CUTS,
    *UNTRACK,
    *common.SPIN_LOCK,
    *common.each("counts pages", "tdp_unaccount_mmu_page"),
    Cut(function=functions.LIST_DEL, reason="takes a page off the list of all", elsewhere=("*", list_heads.LIST)),
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    CHILD,
    REMOVED,
    READ,
    EXCHANGE,
    WRITE,
    UNLINK,
    *common.each("tells TDX", "kvm_x86_free_external_spt", "kvm_x86_set_external_spte"),
    *common.each("lets the processor wait", "rep_nop", "native_pause"),
    *common.each("frees the page when nobody looks at it any more", functions.CALL_RCU),
    *common.each("prints", functions.PRINTK),
    *common.each("counts pages", functions.KVM_UPDATE_PAGE_STATS),
    *common.each(
        "a tracepoint; reads only", functions.TRACE_KVM_MMU_PREPARE_ZAP_PAGE, functions.TRACE_KVM_TDP_MMU_SPTE_CHANGED
    ),
    *common.each(
        "tells the host that a page was used or written", functions.KVM_SET_PFN_DIRTY, functions.KVM_SET_PFN_ACCESSED
    ),
)
