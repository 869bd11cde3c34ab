"""The calls that going through the roots of the TDP MMU makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, map_rounds, range_rounds, removed_tables
from mmuproof.model.named import functions, kvm_mmu_page, list_heads, tdp_iter

NEXT_ROOT = Cut(
    function=functions.TDP_MMU_NEXT_ROOT,
    reason="hands out the next root of the kinds that are asked for: loop.roots; which are asked for is looked at",
    elsewhere=("*",),
)
PUT_ROOT = Cut(
    function=functions.KVM_TDP_MMU_PUT_ROOT,
    reason="lets go of a reference to a root; that it is called, and when, is looked at",
    elsewhere=("*",),
)
GET_ROOT = Cut(
    function=functions.KVM_TDP_MMU_GET_ROOT,
    reason="takes a reference to a root, unless it is about to be freed: any answer",
)
WORKERS = tuple(
    Cut(
        function=name,
        reason="changes entries below a root, pages of tables and lists of such pages, and neither a root nor the list "
        "of roots; for which roots, and with what, is looked at",
        elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST),
    )
    for name in (
        functions.TDP_MMU_ZAP_LEAFS,
        functions.TDP_MMU_ZAP_ROOT,
        functions.WRPROT_GFN_RANGE,
        functions.WRITE_PROTECT_GFN,
        functions.CLEAR_DIRTY_GFN_RANGE,
        functions.CLEAR_DIRTY_PT_MASKED,
        functions.TDP_MMU_SPLIT_HUGE_PAGES_ROOT,
        functions.RECOVER_HUGE_PAGES_RANGE,
        functions.ZAP_COLLAPSIBLE_SPTE_RANGE,
    )
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    NEXT_ROOT,
    PUT_ROOT,
    GET_ROOT,
    *WORKERS,
    *common.WRITE_LOCK,
    *common.READ_LOCK,
    *common.RCU,
)
START, NEXT = range_rounds.START, range_rounds.NEXT
ACCESSED = Cut(
    function=functions.IS_ACCESSED_SPTE, reason="whether an entry tells of an access, by spte.aging: any; reads only"
)
AGE = tuple(
    Cut(
        function=name,
        reason="ages the entry of a walk, by spte.aging; which is looked at",
        writes=((1, tdp_iter.OLD_SPTE),),
        elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST),
    )
    for name in ("kvm_tdp_mmu_age_spte", "tdp_mmu_set_spte_no_acc_track")
)
FORMER_AGE = (range_rounds.CLEAR_BITS, removed_tables.WRITE)
AGES: tuple[Cut, ...] = (
    *CUTS,
    START,
    NEXT,
    map_rounds.ROOT_BITS,
    ACCESSED,
    *AGE,
    *FORMER_AGE,
    *common.each("what an entry is to hold, by spte.aging: any; reads only", functions.MARK_SPTE_FOR_ACCESS_TRACK),
    *common.each("a tracepoint; reads only", functions.TRACE_KVM_TDP_MMU_SPTE_CHANGED),
    *common.each("tells the host that a page was written; writes no SPTE", functions.KVM_SET_PFN_DIRTY),
    *common.each("behind the highest frame, by loop.bound: any; reads only", functions.TDP_MMU_MAX_GFN_EXCLUSIVE),
)
