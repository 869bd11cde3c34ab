"""The calls of giving pages up that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, list_heads

_OTHERS = ("*", kvm_mmu_page.STRUCT, list_heads.LIST, kvm_memory_slot.RMAP_HEAD)
CHILDREN = Cut(
    function=functions.MMU_ZAP_UNSYNC_CHILDREN,
    reason="gives up pages below one, by walk.children; that it does is looked at",
    elsewhere=_OTHERS,
)
EMPTY = Cut(
    function="kvm_mmu_page_unlink_children",
    reason="takes away the entries of a page; that it does is looked at",
    elsewhere=_OTHERS,
)
UNLINK = Cut(
    function=functions.KVM_MMU_UNLINK_PARENTS,
    reason="takes away the entries that lead to a page; that it does is looked at",
    elsewhere=_OTHERS,
)
UNCOUNT = Cut(
    function="unaccount_shadowed",
    reason="takes back what is counted of a table that is shadowed, by slot.shadowed-table; that it does is looked at",
    elsewhere=("*",),
)
SYNCED = Cut(
    function=functions.KVM_UNLINK_UNSYNC_PAGE,
    reason="counts a page no longer as one out of sync; that it does is looked at",
    elsewhere=("*",),
)
QUEUE = tuple(
    Cut(function=name, reason="puts a page on a list; on which is looked at", elsewhere=("*", list_heads.LIST))
    for name in (functions.LIST_ADD, "list_move")
)
UNQUEUE = Cut(function=functions.LIST_DEL, reason="takes a page off its list", elsewhere=("*", list_heads.LIST))
TELL = Cut(
    function=functions.KVM_MAKE_ALL_CPUS_REQUEST,
    reason="tells all vCPUs to do something; what, and when, is looked at",
    watched=True,
)
_OTHER_CUTS = tuple(cut for cut in common.CUTS if cut.function != TELL.function)
GIVES_UP: tuple[Cut, ...] = (
    *_OTHER_CUTS,
    CHILDREN,
    EMPTY,
    UNLINK,
    UNCOUNT,
    SYNCED,
    *QUEUE,
    UNQUEUE,
    TELL,
    *common.each("counts pages; writes no SPTE", "kvm_unaccount_mmu_page", functions.KVM_MOD_USED_MMU_PAGES),
    *common.each("a tracepoint; reads only", functions.TRACE_KVM_MMU_PREPARE_ZAP_PAGE),
    *(
        Cut(function=name, reason="keeps the list of pages that may become huge", elsewhere=("*", list_heads.LIST))
        for name in ("unaccount_nx_huge_page", functions.UNACCOUNT_HUGE_NX_PAGE)
    ),
)
ROOTS = tuple(
    Cut(
        function=name,
        reason="gives up roots of the TDP MMU, by loop.roots; that it does, and of which kind, is looked at",
        elsewhere=("*", kvm_mmu_page.STRUCT),
    )
    for name in ("kvm_tdp_mmu_invalidate_roots", functions.KVM_TDP_MMU_INVALIDATE_ALL_ROOTS)
)
SWEEP = Cut(
    function="kvm_zap_obsolete_pages",
    reason="takes away pages that are left behind; that it does is looked at",
    elsewhere=_OTHERS,
)
EMPTY_ROOTS = Cut(
    function="kvm_tdp_mmu_zap_invalidated_roots",
    reason="takes the TDP MMU's roots away; that it does is looked at",
    elsewhere=_OTHERS,
)
ALL: tuple[Cut, ...] = (
    *_OTHER_CUTS,
    *ROOTS,
    SWEEP,
    TELL,
    *common.each("a tracepoint; reads only", "trace_kvm_mmu_zap_all_fast"),
    *common.WRITE_LOCK,
    EMPTY_ROOTS,
)
EMPTY_FROM = Cut(
    function=functions.INNER_TDP_MMU_ZAP_ROOT,
    reason="takes away entries below a root down to a level, by loop.zap and loop.range; from which is looked at",
    elsewhere=_OTHERS,
)
EMPTIES: tuple[Cut, ...] = (
    *common.CUTS,
    EMPTY_FROM,
    *common.each("keeps tables from being freed meanwhile", functions.RCU_READ_LOCK, functions.RCU_READ_UNLOCK),
    *common.each("how often a root is used, which only an assertion asks", "refcount_read"),
)
FREE_OF_MMU = Cut(
    function="__kvm_mmu_free_obsolete_roots",
    reason="gives up roots of an MMU that are left behind, by role.swept-roots; of which is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT),
)
LEFT_BEHIND: tuple[Cut, ...] = (*common.CUTS, FREE_OF_MMU)
FREE = Cut(
    function=functions.KVM_MMU_COMMIT_ZAP_PAGE,
    reason="flushes, and frees pages that were given up; that it does is looked at",
    elsewhere=_OTHERS,
)
FLUSH = Cut(function=functions.KVM_FLUSH_REMOTE_TLBS, reason="flushes all TLBs; that it does is looked at")
SOME = Cut(
    function=functions.LIST_EMPTY, reason="whether a list is empty: any answer, and the same each time", repeatable=True
)
LATE: tuple[Cut, ...] = (*common.CUTS, FREE, FLUSH, SOME)
