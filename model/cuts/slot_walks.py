"""The calls of walks through a slot's lists that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, flush_ranges

LIST = Cut(function="gfn_to_rmap", reason="finds the list of what maps a frame, by slot.index; of which is looked at")
BEGIN, NEXT = (
    Cut(function=name, reason=f"{what}, by loop.slot-walk: at any list", writes=((0, ""),))
    for name, what in (("slot_rmap_walk_init", "begins the walk"), ("slot_rmap_walk_next", "goes on"))
)
HANDLERS = tuple(
    Cut(
        function=name,
        reason="does something to a list, and says whether an SPTE has changed; to which is looked at",
        elsewhere=("*", "struct kvm_rmap_head", "struct kvm_mmu_page", "struct list_head"),
    )
    for name in ("kvm_zap_rmap", "kvm_zap_rmapp", "__kvm_zap_rmap")
)
YIELD = Cut(function="__cond_resched_rwlock_write", reason="gives the lock up for a while; when is looked at")
WAITS = tuple(
    Cut(function=name, reason="whether somebody waits: any answer") for name in ("need_resched", "rwlock_needbreak")
)
STEPS: tuple[Cut, ...] = (*common.CUTS, LIST)
ROUNDS: tuple[Cut, ...] = (*common.CUTS, BEGIN, NEXT, *HANDLERS, YIELD, *WAITS, *flush_ranges.RANGE)
