"""The calls of walks through a slot's lists that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, flush_ranges
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, list_heads

LIST = Cut(
    function=functions.GFN_TO_RMAP, reason="finds the list of what maps a frame, by slot.index; of which is looked at"
)
BEGIN, NEXT = (
    Cut(function=name, reason=f"{what}, by loop.slot-walk: at any list", writes=((0, ""),))
    for name, what in ((functions.SLOT_RMAP_WALK_INIT, "begins the walk"), (functions.SLOT_RMAP_WALK_NEXT, "goes on"))
)
HANDLERS = tuple(
    Cut(
        function=name,
        reason="does something to a list, and says whether an SPTE has changed; to which is looked at",
        elsewhere=("*", kvm_memory_slot.RMAP_HEAD, kvm_mmu_page.STRUCT, list_heads.LIST),
    )
    for name in ("kvm_zap_rmap", "kvm_zap_rmapp", functions.INNER_KVM_ZAP_RMAP)
)
YIELD = Cut(
    function=functions.INNER_COND_RESCHED_RWLOCK_WRITE, reason="gives the lock up for a while; when is looked at"
)
WAITS = tuple(
    Cut(function=name, reason="whether somebody waits: any answer")
    for name in (functions.NEED_RESCHED, functions.RWLOCK_NEEDBREAK)
)
STEPS: tuple[Cut, ...] = (*common.CUTS, LIST)
ROUNDS: tuple[Cut, ...] = (*common.CUTS, BEGIN, NEXT, *HANDLERS, YIELD, *WAITS, *flush_ranges.RANGE)
