"""The calls of synchronizing what is below a page, and of giving it up, that are not followed."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, flush_ranges
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, list_heads, mmu_pages

_PAGES = ("*", kvm_mmu_page.STRUCT, list_heads.LIST, kvm_memory_slot.RMAP_HEAD)
NEXT = tuple(
    Cut(function=name, reason="which of the noted entries is the next: one that is looked at")
    for name in ("find_next_bit", functions.FIND_NEXT_BIT)
)
CHILD = flush_ranges.CHILD
BELOW = Cut(
    function=functions.INNER_MMU_UNSYNC_WALK,
    reason="searches below another page, by walk.children: any answer; below which is looked at",
    elsewhere=(*_PAGES, mmu_pages.STRUCT),
)
ADD = Cut(
    function="mmu_pages_add",
    reason="puts a page among those that are found, and says whether no more can be; which is looked at",
    elsewhere=(mmu_pages.STRUCT, "*"),
)
FORGET = Cut(
    function=functions.CLEAR_UNSYNC_CHILD_BIT,
    reason="no longer notes that an entry leads to a page out of sync; which is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT),
)
SEARCHES: tuple[Cut, ...] = (*common.CUTS, *NEXT, *CHILD, BELOW, ADD, FORGET)
FIND = Cut(
    function=functions.MMU_UNSYNC_WALK,
    reason="finds pages that are out of sync, by walk.children: any",
    writes=((1, ""),),
)
STEPS = tuple(
    Cut(function=f"mmu_pages_{name}", reason="goes to the next page that is found: any", writes=((1, ""),))
    for name in ("first", "next")
)
PROTECT = Cut(
    function=functions.KVM_VCPU_WRITE_PROTECT_GFN,
    reason="write-protects a table, and says whether an SPTE has changed; which is looked at",
    elsewhere=_PAGES,
)
END = Cut(
    function=functions.KVM_MMU_REMOTE_FLUSH_OR_ZAP,
    reason="flushes what is due, by role.given-up; when, and what is told, is looked at",
    elsewhere=_PAGES,
)
MARK = Cut(
    function=functions.KVM_UNLINK_UNSYNC_PAGE, reason="marks a page as in sync; which is looked at", elsewhere=_PAGES
)
SYNC = Cut(
    function=functions.KVM_SYNC_PAGE,
    reason="synchronizes a page, entry by entry by walk.sync, and says whether a flush is due; which is looked at",
    elsewhere=_PAGES,
)
COUNT = Cut(
    function=functions.MMU_PAGES_CLEAR_PARENTS,
    reason="no longer notes of the pages above one that it is out of sync; that it is asked for is looked at",
    elsewhere=_PAGES,
)
ASK = tuple(
    Cut(function=name, reason="asks the vCPU to do something later; for what is looked at")
    for name in (functions.KVM_MAKE_REQUEST, functions.INNER_KVM_MAKE_REQUEST)
)
YIELD = Cut(
    function=functions.INNER_COND_RESCHED_RWLOCK_WRITE, reason="gives the lock up for a while; when is looked at"
)
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
    *common.each("whether somebody waits: any answer", functions.NEED_RESCHED, functions.RWLOCK_NEEDBREAK),
)
GIVE_UP = Cut(
    function=functions.KVM_MMU_PREPARE_ZAP_PAGE,
    reason="gives a page up, by role.given-up; which is looked at",
    elsewhere=_PAGES,
)
BEGINS: tuple[Cut, ...] = (*common.CUTS, BELOW, replace(ADD, watched=True))
ZAPS: tuple[Cut, ...] = (*common.CUTS, FIND, *STEPS, GIVE_UP, COUNT)
