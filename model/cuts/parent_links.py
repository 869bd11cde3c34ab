"""The calls of entries that come and go that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, reverse_maps
from mmuproof.model.cuts.reverse_maps import FIRST
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page

LIST, UNLIST = reverse_maps.LIST, reverse_maps.UNLIST
NOTES: tuple[Cut, ...] = (*common.CUTS, LIST)
TAKE = Cut(
    function=functions.DROP_PARENT_PTE,
    reason="takes an entry away that leads to a page, by stored.unlinked; which is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT, kvm_memory_slot.RMAP_HEAD),
)
GO: tuple[Cut, ...] = (*common.CUTS, FIRST, TAKE)
CLEAR = Cut(
    function=functions.MMU_SPTE_CLEAR_TRACK_BITS,
    reason="empties an SPTE, by lifecycle.changed; which is looked at",
    elsewhere=("*", "argument 1"),
)
GOES: tuple[Cut, ...] = (*common.CUTS, UNLIST, CLEAR)
