"""The calls that a walk through a range makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, map_rounds

YIELD = Cut(
    function="tdp_mmu_iter_cond_resched",
    reason="may let others in, and flushes before it does if it is told to; what it is told is looked at",
    writes=((1, "yielded"), (1, "valid")),
    elsewhere=("*",),
)
SET = Cut(
    function="tdp_mmu_iter_set_spte",
    reason="changes the entry of the walk; in which state it is called is looked at",
    writes=((1, "old_spte"),),
    elsewhere=("*",),
)
FORMER_SET = Cut(function="tdp_mmu_set_spte", reason=SET.reason, writes=((1, "old_spte"),), elsewhere=("*",))
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
