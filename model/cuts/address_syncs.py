"""The calls of bringing an address up to date that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, map_rounds
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, list_heads

START = Cut(
    function="shadow_walk_init_using_root",
    reason="begins the walk, by loop.shadow-walk: at any entry; for what is looked at",
    writes=((0, ""),),
)
SYNC = Cut(
    function=functions.KVM_SYNC_SPTE,
    reason="synchronizes an SPTE with the guest's entry, by walk.sync: any answer; which is looked at",
    elsewhere=("*", kvm_memory_slot.RMAP_HEAD),
    watched=True,
)
DROP = Cut(
    function=functions.MMU_PAGE_ZAP_PTE,
    reason="takes an entry away, by walk.followed; which is looked at",
    elsewhere=("*", "argument 2", kvm_mmu_page.STRUCT, list_heads.LIST),
)
FLUSH = Cut(
    function=functions.KVM_FLUSH_REMOTE_TLBS_SPTEP,
    reason="flushes what an entry has translated, by stored.flush-range; which is looked at",
)
FORGET = Cut(function=functions.VCPU_CLEAR_MMIO_INFO, reason="forgets that an address is MMIO; which is looked at")
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    START,
    map_rounds.OKAY,
    map_rounds.NEXT,
    SYNC,
    DROP,
    FLUSH,
    FORGET,
    *common.WRITE_LOCK,
)
