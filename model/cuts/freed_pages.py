"""The calls that freeing pages of SPTEs, and giving way in a walk, make and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import child_syncs, common, zapped_pages
from mmuproof.model.named import functions, kvm_mmu_page, list_heads

FREE = Cut(
    function="kvm_mmu_free_shadow_page",
    reason="frees a page and its table; that it does, and when, is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST),
)
FLUSH, YIELD_WRITE = zapped_pages.FLUSH, child_syncs.YIELD
YIELD_READ = Cut(function="__cond_resched_rwlock_read", reason="gives the lock up for a while; when is looked at")
LEAVE, ENTER = (
    Cut(function=name, reason="ends, or begins, to keep tables from being freed; when is looked at")
    for name in (functions.RCU_READ_UNLOCK, functions.RCU_READ_LOCK)
)
COMMITS: tuple[Cut, ...] = (*common.CUTS, FLUSH, FREE)
GIVES_WAY: tuple[Cut, ...] = (
    *common.CUTS,
    FLUSH,
    YIELD_READ,
    YIELD_WRITE,
    LEAVE,
    ENTER,
    *common.each("whether somebody waits: any answer", functions.NEED_RESCHED, functions.RWLOCK_NEEDBREAK),
)
