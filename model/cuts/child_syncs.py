"""The calls of synchronizing what is below a page that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, flush_ranges

_PAGES = ("*", "struct kvm_mmu_page", "struct list_head", "struct kvm_rmap_head")
NEXT = tuple(
    Cut(function=name, reason="which of the noted entries is the next: one that is looked at")
    for name in ("find_next_bit", "_find_next_bit")
)
CHILD = flush_ranges.CHILD
BELOW = Cut(
    function="__mmu_unsync_walk",
    reason="searches below another page, by walk.children: any answer; below which is looked at",
    elsewhere=(*_PAGES, "struct kvm_mmu_pages"),
)
ADD = Cut(
    function="mmu_pages_add",
    reason="puts a page among those that are found, and says whether no more can be; which is looked at",
    elsewhere=("struct kvm_mmu_pages", "*"),
)
FORGET = Cut(
    function="clear_unsync_child_bit",
    reason="no longer notes that an entry leads to a page out of sync; which is looked at",
    elsewhere=("*", "struct kvm_mmu_page"),
)
SEARCHES: tuple[Cut, ...] = (*common.CUTS, *NEXT, *CHILD, BELOW, ADD, FORGET)
FIND = Cut(
    function="mmu_unsync_walk", reason="finds pages that are out of sync, by walk.children: any", writes=((1, ""),)
)
STEPS = tuple(
    Cut(function=f"mmu_pages_{name}", reason="goes to the next page that is found: any", writes=((1, ""),))
    for name in ("first", "next")
)
PROTECT = Cut(
    function="kvm_vcpu_write_protect_gfn",
    reason="write-protects a table, and says whether an SPTE has changed; which is looked at",
    elsewhere=_PAGES,
)
END = Cut(
    function="kvm_mmu_remote_flush_or_zap",
    reason="flushes what is due, by role.given-up; when, and what is told, is looked at",
    elsewhere=_PAGES,
)
MARK = Cut(function="kvm_unlink_unsync_page", reason="marks a page as in sync; which is looked at", elsewhere=_PAGES)
SYNC = Cut(
    function="kvm_sync_page",
    reason="synchronizes a page, entry by entry by walk.sync, and says whether a flush is due; which is looked at",
    elsewhere=_PAGES,
)
COUNT = Cut(
    function="mmu_pages_clear_parents",
    reason="no longer notes of the pages above one that it is out of sync; that it is asked for is looked at",
    elsewhere=_PAGES,
)
ASK = tuple(
    Cut(function=name, reason="asks the vCPU to do something later; for what is looked at")
    for name in ("kvm_make_request", "__kvm_make_request")
)
YIELD = Cut(function="__cond_resched_rwlock_write", reason="gives the lock up for a while; when is looked at")
SYNCS: tuple[Cut, ...] = (
    *common.CUTS,
    FIND,
    *STEPS,
    PROTECT,
    END,
    MARK,
    SYNC,
    COUNT,
    *ASK,
    YIELD,
    *common.each("whether somebody waits: any answer", "need_resched", "rwlock_needbreak"),
)
