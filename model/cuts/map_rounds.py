"""The calls of the loops that map a page and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import kvm_page_fault, tdp_iter

_LOOKED_AT = "changes the entry of the walk; in which state it is called is looked at"
TDP_MAP = Cut(function="tdp_mmu_map_handle_target_level", reason=_LOOKED_AT, watched=True, elsewhere=("*",))
TDP_LINK = Cut(
    function="tdp_mmu_link_sp", reason=_LOOKED_AT, watched=True, writes=((1, tdp_iter.OLD_SPTE),), elsewhere=("*",)
)
TDP_SPLIT = Cut(
    function="tdp_mmu_split_huge_page",
    reason=_LOOKED_AT,
    watched=True,
    writes=((1, tdp_iter.OLD_SPTE),),
    elsewhere=("*",),
)
MAP = Cut(function="mmu_set_spte", reason=_LOOKED_AT, watched=True, writes=((2, "*"),), elsewhere=("*",))
LINK = Cut(function="link_shadow_page", reason=_LOOKED_AT, watched=True, writes=((1, "*"),), elsewhere=("*",))
ADJUST = Cut(
    function="disallowed_hugepage_adjust",
    reason="may lower the level at which a page is to be mapped: any level and frame afterwards",
    writes=((0, kvm_page_fault.GOAL_LEVEL), (0, kvm_page_fault.PFN)),
)
CHILD = Cut(
    function="kvm_mmu_get_child_sp",
    reason="finds or makes the page to link, or says that it is linked already",
    elsewhere=("*",),
)
TDP_NEXT, NEXT = (
    Cut(function=name, reason="moves the walk: to any entry", writes=((0, ""),), watched=True)
    for name in ("tdp_iter_next", "shadow_walk_next")
)
OKAY = Cut(function="shadow_walk_okay", reason="finds the entry of the walk: any entry", writes=((0, ""),))
TDP_START, _START = (
    Cut(function=name, reason="begins the walk: at any entry", writes=((0, ""),))
    for name in ("tdp_iter_start", "shadow_walk_init")
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
    _START,
    ADJUST,
    Cut(
        function="kvm_mmu_hugepage_adjust",
        reason="chooses the level at which the page is to be mapped: any",
        writes=(
            (1, kvm_page_fault.GOAL_LEVEL),
            (1, kvm_page_fault.REQ_LEVEL),
            (1, kvm_page_fault.PFN),
            (1, kvm_page_fault.HUGE_PAGE_DISALLOWED),
        ),
    ),
    *common.each("a tracepoint; reads only", "trace_kvm_mmu_spte_requested"),
)
TDP: tuple[Cut, ...] = (
    *_BESIDE,
    TDP_MAP,
    TDP_LINK,
    TDP_SPLIT,
    TDP_ZAP,
    TDP_NEXT,
    *common.each("finds the root of the walk; reads only", "tdp_mmu_get_root_for_fault", "root_to_sp"),
    ROOT_BITS,
    *common.each("finds the page that an SPTE is in; reads only", "sptep_to_sp", "to_shadow_page"),
    Cut(function="tdp_mmu_alloc_sp", reason="makes a page that no entry leads to yet", elsewhere=("*",)),
    Cut(function="tdp_mmu_init_child_sp", reason="sets such a page up", elsewhere=("*", "argument 0")),
    *(
        Cut(function=name, reason="frees a page that has not been linked", elsewhere=("*", "argument 0"))
        for name in ("tdp_mmu_free_sp", "tdp_mmu_free_unused_sp")
    ),
    Cut(function="kvm_mmu_alloc_external_spt", reason="makes a table of TDX's for such a page", elsewhere=("*",)),
    *(
        Cut(function=name, reason="keeps the list of pages that may become huge", elsewhere=("*", "argument 0"))
        for name in ("track_possible_nx_huge_page",)
    ),
    *common.each(
        "a lock", "_raw_spin_lock", "_raw_spin_unlock", "__raw_spin_unlock", "rcu_read_lock", "rcu_read_unlock"
    ),
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
        for name in ("account_nx_huge_page", "account_huge_nx_page")
    ),
    Cut(function="direct_pte_prefetch", reason="maps neighbours ahead, after the page", elsewhere=("*",)),
)
