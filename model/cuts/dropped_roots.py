"""The calls of letting a root of the TDP MMU go that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_mmu_page, list_heads

_ELSEWHERE = ("*", kvm_mmu_page.STRUCT, list_heads.LIST)
COUNT = Cut(
    function="refcount_dec_and_test",
    reason="holds a root once less, and says whether that was the last time: any answer; of which root is looked at",
    elsewhere=_ELSEWHERE,
)
UNLIST = Cut(function="list_del_rcu", reason="takes a root off the list; which is looked at", elsewhere=_ELSEWHERE)
FREE_LATER = Cut(
    function=functions.CALL_RCU,
    reason="frees a page when nobody looks at it any more; which, and when, is looked at",
    elsewhere=_ELSEWHERE,
)
FREE_AT_ONCE = tuple(
    Cut(function=name, reason="frees memory at once; that it is called is looked at", elsewhere=_ELSEWHERE)
    for name in ("free_pages", "kmem_cache_free", functions.TDP_MMU_FREE_SP, "__tdp_mmu_free_sp")
)
CUTS: tuple[Cut, ...] = (*common.CUTS, COUNT, UNLIST, FREE_LATER, *FREE_AT_ONCE, *common.SPIN_LOCK)
