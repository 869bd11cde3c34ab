"""The calls of the loops that map a page and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_page_fault, tdp_iter

_LOOKED_AT = "changes the entry of the walk; in which state it is called is looked at"
TDP_MAP = Cut(
    function=functions.TDP_MMU_MAP_HANDLE_TARGET_LEVEL,
    reason=_LOOKED_AT,
    watched=True,
    writes=((2, tdp_iter.OLD_SPTE),),
    elsewhere=("*",),
)
TDP_LINK = Cut(
    function=functions.TDP_MMU_LINK_SP,
    reason=_LOOKED_AT,
    watched=True,
    writes=((1, tdp_iter.OLD_SPTE),),
    elsewhere=("*",),
)
TDP_SPLIT = Cut(
    function=functions.TDP_MMU_SPLIT_HUGE_PAGE,
    reason=_LOOKED_AT,
    watched=True,
    writes=((1, tdp_iter.OLD_SPTE),),
    elsewhere=("*",),
)
MAP = Cut(function=functions.MMU_SET_SPTE, reason=_LOOKED_AT, watched=True, writes=((2, "*"),), elsewhere=("*",))
LINK = Cut(function=functions.LINK_SHADOW_PAGE, reason=_LOOKED_AT, watched=True, writes=((1, "*"),), elsewhere=("*",))
ADJUST = Cut(
    function=functions.DISALLOWED_HUGEPAGE_ADJUST,
    reason="may lower the level at which a page is to be mapped: any level and frame afterwards",
    writes=((0, kvm_page_fault.GOAL_LEVEL), (0, kvm_page_fault.PFN)),
)
CHILD = Cut(
    function=functions.KVM_MMU_GET_CHILD_SP,
    reason="finds or makes the page to link, or says that it is linked already",
    elsewhere=("*",),
)
TDP_NEXT, NEXT = (
    Cut(function=name, reason="moves the walk: to any entry", writes=((0, ""),), watched=True)
    for name in (functions.TDP_ITER_NEXT, functions.SHADOW_WALK_NEXT)
)
OKAY = Cut(function=functions.SHADOW_WALK_OKAY, reason="finds the entry of the walk: any entry", writes=((0, ""),))
TDP_START, START = (
    Cut(function=name, reason="begins the walk: at any entry", writes=((0, ""),))
    for name in (functions.TDP_ITER_START, functions.SHADOW_WALK_INIT)
)
ROOT_BITS = Cut(function="kvm_gfn_root_bits", reason="what all frames of the root have: any number; reads only")
TDP_ZAP = Cut(
    function="tdp_mmu_zap_spte_atomic",
    reason="clears an entry that a table is to replace; writes nothing of the walk but its snapshot",
    writes=((1, tdp_iter.OLD_SPTE),),
    elsewhere=("*",),
)
_BESIDE: tuple[Cut, ...] = (
    *common.CUTS,
    TDP_START,
    START,
    ADJUST,
    Cut(
        function=functions.KVM_MMU_HUGEPAGE_ADJUST,
        reason="chooses the level at which the page is to be mapped: any",
        writes=(
            (1, kvm_page_fault.GOAL_LEVEL),
            (1, kvm_page_fault.REQ_LEVEL),
            (1, kvm_page_fault.PFN),
            (1, kvm_page_fault.HUGE_PAGE_DISALLOWED),
        ),
    ),
    *common.each("a tracepoint; reads only", functions.TRACE_KVM_MMU_SPTE_REQUESTED),
)
TDP: tuple[Cut, ...] = (
    *_BESIDE,
    TDP_MAP,
    TDP_LINK,
    TDP_SPLIT,
    TDP_ZAP,
    TDP_NEXT,
    *common.each(
        "finds the root of the walk, by role.fault-root; reads only",
        functions.TDP_MMU_GET_ROOT_FOR_FAULT,
        functions.ROOT_TO_SP,
    ),
    ROOT_BITS,
    *common.each("finds the page that an SPTE is in; reads only", functions.SPTEP_TO_SP, functions.TO_SHADOW_PAGE),
    Cut(function=functions.TDP_MMU_ALLOC_SP, reason="makes a page that no entry leads to yet", elsewhere=("*",)),
    Cut(function=functions.TDP_MMU_INIT_CHILD_SP, reason="sets such a page up", elsewhere=("*", "argument 0")),
    *(
        Cut(function=name, reason="frees a page that has not been linked", elsewhere=("*", "argument 0"))
        for name in (functions.TDP_MMU_FREE_SP, functions.TDP_MMU_FREE_UNUSED_SP)
    ),
    Cut(function="kvm_mmu_alloc_external_spt", reason="makes a table of TDX's for such a page", elsewhere=("*",)),
    *(
        Cut(function=name, reason="keeps the list of pages that may become huge", elsewhere=("*", "argument 0"))
        for name in ("track_possible_nx_huge_page",)
    ),
    *common.SPIN_LOCK,
    *common.RCU,
)
DIRECT: tuple[Cut, ...] = (
    *_BESIDE,
    OKAY,
    NEXT,
    MAP,
    LINK,
    CHILD,
    *(
        Cut(function=name, reason="keeps the list of pages that may become huge", elsewhere=("*", "argument 0"))
        for name in (functions.ACCOUNT_NX_HUGE_PAGE, functions.ACCOUNT_HUGE_NX_PAGE)
    ),
    Cut(function=functions.DIRECT_PTE_PREFETCH, reason="maps neighbours ahead, after the page", elsewhere=("*",)),
)
