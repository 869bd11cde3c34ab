"""The calls that walks over KVM's own tables make and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, map_rounds

READ = Cut(function="mmu_spte_get_lockless", reason="reads an entry: any content; of which one is looked at")
IS_RESERVED = Cut(
    function="is_rsvd_spte",
    reason="whether an SPTE has reserved bits: entry.shadow-reserved; of which, and at which level, is looked at",
)
TDP_WALK = Cut(
    function="kvm_tdp_mmu_get_walk",
    reason="walks tables of the TDP MMU; that it does exactly where they are that is looked at, and here it finds none",
    elsewhere=("*",),
)
IS_TDP = Cut(function="is_tdp_mmu", reason="whether the root in use is the TDP MMU's: any answer; reads only")
IS_DUMMY = Cut(
    function="kvm_mmu_is_dummy_root", reason="whether the root is a page of zeros that stands for none; here it is not"
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    READ,
    IS_RESERVED,
    TDP_WALK,
    IS_TDP,
    *common.each("a lock", "walk_shadow_page_lockless_begin", "walk_shadow_page_lockless_end"),
    *common.each("prints", "_printk"),
)

ROOTS = tuple(
    Cut(function=name, reason="finds the page of a root; of which root is looked at; reads only")
    for name in ("root_to_sp", "to_shadow_page")
)
TDP: tuple[Cut, ...] = (*common.CUTS, *ROOTS, map_rounds.TDP_START, map_rounds.TDP_NEXT, map_rounds.ROOT_BITS)
