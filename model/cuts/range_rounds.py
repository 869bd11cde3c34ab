"""The calls that a walk through a range makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, map_rounds
from mmuproof.model.named import tdp_iter

YIELD = Cut(
    function="tdp_mmu_iter_cond_resched",
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
    function="tdp_mmu_set_spte_atomic",
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
    function="kvm_mmu_max_mapping_level", reason="the largest page that may be mapped: any level; reads only"
)
MAKE_HUGE = Cut(
    function="tdp_mmu_make_huge_spte",
    reason="makes a huge SPTE of the small ones, any, or does not; writes no entry",
    writes=((2, "*"),),
)
ALLOC = Cut(
    function="tdp_mmu_alloc_sp_for_split",
    reason="makes a page for a table, or does not, and may let others in",
    writes=((1, tdp_iter.YIELDED),),
    elsewhere=("*",),
)
_LOCKS = (
    "_raw_read_lock",
    "_raw_read_unlock",
    "_raw_write_lock",
    "_raw_write_unlock",
    "__raw_read_unlock",
    "__raw_write_unlock",
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
    *common.each("a lock", "rcu_read_lock", "rcu_read_unlock", *_LOCKS),
    *common.each("the highest frame of a guest: any; reads only", "tdp_mmu_max_gfn_exclusive"),
    ALLOC,
    Cut(function=ALLOC.function, reason="makes a page for a table, or does not", elsewhere=("*",)),
    Cut(
        function="tdp_mmu_init_child_sp",
        reason="sets up a page that no entry leads to yet",
        elsewhere=("*", "argument 0"),
    ),
    *(
        Cut(function=name, reason="frees a page that has not been linked", elsewhere=("*", "argument 0"))
        for name in ("tdp_mmu_free_sp", "tdp_mmu_free_unused_sp")
    ),
    *common.each("a tracepoint; reads only", "trace_kvm_mmu_split_huge_page", "trace_kvm_tdp_mmu_spte_changed"),
    *common.each("tells the host that a page was written; writes no SPTE", "kvm_set_pfn_dirty"),
    *common.each("flushes TLBs", "kvm_flush_remote_tlbs_memslot", "kvm_arch_flush_remote_tlbs_memslot"),
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
    *common.each("a lock", "rcu_read_lock", "rcu_read_unlock"),
    *common.each("the highest frame of a guest: any; reads only", "tdp_mmu_max_gfn_exclusive"),
)
