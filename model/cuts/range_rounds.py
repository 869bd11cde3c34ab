"""The calls that a walk through a range makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, map_rounds
from mmuproof.model.named import functions, tdp_iter

YIELD = Cut(
    function=functions.TDP_MMU_ITER_COND_RESCHED,
    reason="may let others in, and flushes before it does if it is told to; what it is told is looked at",
    writes=((1, tdp_iter.YIELDED), (1, tdp_iter.VALID)),
    elsewhere=("*",),
)
SET = Cut(
    function="tdp_mmu_iter_set_spte",
    reason="changes the entry of the walk; in which state it is called is looked at",
    writes=((1, tdp_iter.OLD_SPTE),),
    elsewhere=("*",),
)
FORMER_SET = Cut(function="tdp_mmu_set_spte", reason=SET.reason, writes=((1, tdp_iter.OLD_SPTE),), elsewhere=("*",))
SET_ATOMIC = Cut(
    function=functions.TDP_MMU_SET_SPTE_ATOMIC,
    reason="changes the entry of the walk, or finds that another CPU has; in which state it is called is looked at",
    writes=((1, tdp_iter.OLD_SPTE),),
    elsewhere=("*",),
)
SET_UNLOGGED = Cut(
    function="tdp_mmu_set_spte_no_dirty_log", reason=SET.reason, writes=((1, tdp_iter.OLD_SPTE),), elsewhere=("*",)
)
CLEAR_BITS = Cut(
    function="tdp_mmu_clear_spte_bits",
    reason="clears bits of the entry of the walk; of which entry, and which bits, is looked at",
    elsewhere=("*",),
)
ZAP_ATOMIC, SPLIT = map_rounds.TDP_ZAP, map_rounds.TDP_SPLIT
START, NEXT = map_rounds.TDP_START, map_rounds.TDP_NEXT
PROTECTS = Cut(
    function="tdp_mmu_need_write_protect",
    reason="whether writes are noticed by faults: any answer; spte.dirty-logging says which; reads only",
)
MAX_LEVEL = Cut(
    function=functions.KVM_MMU_MAX_MAPPING_LEVEL, reason="the largest page that may be mapped: any level; reads only"
)
MAKE_HUGE = Cut(
    function=functions.TDP_MMU_MAKE_HUGE_SPTE,
    reason="makes a huge SPTE of the small ones, by stored.recovered: any, or does not; writes no entry",
    writes=((2, "*"),),
)
ALLOC = Cut(
    function="tdp_mmu_alloc_sp_for_split",
    reason="makes a page for a table, or does not, and may let others in",
    writes=((1, tdp_iter.YIELDED),),
    elsewhere=("*",),
)
EACH: tuple[Cut, ...] = (
    *common.CUTS,
    YIELD,
    SET,
    FORMER_SET,
    SET_ATOMIC,
    SET_UNLOGGED,
    CLEAR_BITS,
    ZAP_ATOMIC,
    SPLIT,
    map_rounds.TDP_NEXT,
    START,
    map_rounds.ROOT_BITS,
    PROTECTS,
    MAX_LEVEL,
    MAKE_HUGE,
    *common.WRITE_LOCK,
    *common.READ_LOCK,
    *common.RCU,
    *common.each("behind the highest frame, by loop.bound: any; reads only", functions.TDP_MMU_MAX_GFN_EXCLUSIVE),
    ALLOC,
    Cut(function=ALLOC.function, reason="makes a page for a table, or does not", elsewhere=("*",)),
    Cut(
        function=functions.TDP_MMU_INIT_CHILD_SP,
        reason="sets up a page that no entry leads to yet",
        elsewhere=("*", "argument 0"),
    ),
    *(
        Cut(function=name, reason="frees a page that has not been linked", elsewhere=("*", "argument 0"))
        for name in (functions.TDP_MMU_FREE_SP, functions.TDP_MMU_FREE_UNUSED_SP)
    ),
    *common.each(
        "a tracepoint; reads only", functions.TRACE_KVM_MMU_SPLIT_HUGE_PAGE, functions.TRACE_KVM_TDP_MMU_SPTE_CHANGED
    ),
    *common.each("tells the host that a page was written; writes no SPTE", functions.KVM_SET_PFN_DIRTY),
    *common.each("flushes TLBs", functions.KVM_FLUSH_REMOTE_TLBS_MEMSLOT, functions.KVM_ARCH_FLUSH_REMOTE_TLBS_MEMSLOT),
)
"""For loops that change entries which other CPUs may change too."""
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    YIELD,
    SET,
    FORMER_SET,
    map_rounds.TDP_NEXT,
    map_rounds.TDP_START,
    map_rounds.ROOT_BITS,
    *common.RCU,
    *common.each("behind the highest frame, by loop.bound: any; reads only", functions.TDP_MMU_MAX_GFN_EXCLUSIVE),
)
