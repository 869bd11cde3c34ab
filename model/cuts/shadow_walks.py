"""The calls that walks over KVM's own tables make and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, map_rounds
from mmuproof.model.named import functions

READ = Cut(function="mmu_spte_get_lockless", reason="reads an entry: any content; of which one is looked at")
IS_RESERVED = Cut(
    function=functions.IS_RSVD_SPTE,
    reason="whether an SPTE has reserved bits: entry.shadow-reserved; of which, and at which level, is looked at",
)
TDP_WALK = Cut(
    function=functions.KVM_TDP_MMU_GET_WALK,
    reason="walks tables of the TDP MMU; that it does exactly where they are that is looked at, and here it finds none",
    elsewhere=("*",),
)
IS_TDP = Cut(function=functions.IS_TDP_MMU, reason="whether the root in use is the TDP MMU's: any answer; reads only")
IS_DUMMY = Cut(
    function=functions.KVM_MMU_IS_DUMMY_ROOT,
    reason="whether the root is a page of zeros that stands for none; here it is not",
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    READ,
    IS_RESERVED,
    TDP_WALK,
    IS_TDP,
    *common.each("a lock", functions.WALK_SHADOW_PAGE_LOCKLESS_BEGIN, functions.WALK_SHADOW_PAGE_LOCKLESS_END),
    *common.each("prints", functions.PRINTK),
)

ROOTS = tuple(
    Cut(function=name, reason="finds the page of a root; of which root is looked at; reads only")
    for name in (functions.ROOT_TO_SP, functions.TO_SHADOW_PAGE)
)
TDP: tuple[Cut, ...] = (*common.CUTS, *ROOTS, map_rounds.TDP_START, map_rounds.TDP_NEXT, map_rounds.ROOT_BITS)
