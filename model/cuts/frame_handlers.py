"""The calls of what is done to the lists of frames that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, list_heads

_PAGES = ("*", kvm_mmu_page.STRUCT, list_heads.LIST, kvm_memory_slot.RMAP_HEAD)
ZAP_LIST = Cut(
    function=functions.KVM_ZAP_ALL_RMAP_SPTES,
    reason="takes away all that is on a list, and says whether there was something; which is looked at",
    elsewhere=_PAGES,
)
PROTECT_LIST = Cut(
    function=functions.RMAP_WRITE_PROTECT,
    reason="write-protects all that is on a list, by flush.rmap; which, and how, is looked at",
    elsewhere=_PAGES,
)
HANDLES: tuple[Cut, ...] = (*common.CUTS, ZAP_LIST, PROTECT_LIST)
WALK = Cut(
    function=functions.INNER_WALK_SLOT_RMAPS,
    reason="goes through lists of a slot, by loop.slot-walk and flush.slot-walk; which, and for what, is looked at",
    elsewhere=_PAGES,
)
WALKS: tuple[Cut, ...] = (*common.CUTS, WALK)
FIND = Cut(
    function=functions.KVM_VCPU_GFN_TO_MEMSLOT, reason="finds the slot of a vCPU's frame: any; of which is looked at"
)
PROTECT = Cut(
    function=functions.KVM_MMU_SLOT_GFN_WRITE_PROTECT,
    reason="write-protects a frame, and says whether an SPTE has changed; which is looked at",
    elsewhere=_PAGES,
)
PROTECTS: tuple[Cut, ...] = (*common.CUTS, FIND, PROTECT)
