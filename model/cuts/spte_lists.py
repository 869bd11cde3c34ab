"""The calls of what keeps lists of SPTEs that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import NULL
from mmuproof.model.cuts import common
from mmuproof.model.cuts.reverse_maps import PROTECT
from mmuproof.model.named import functions, kvm_vm, pte_list

TAKE = Cut(
    function=functions.KVM_MMU_MEMORY_CACHE_ALLOC,
    reason="a new descriptor, all of it 0; how often one is taken is looked at",
    writes=((0, ""),),
)
GIVE_BACK = Cut(
    function="mmu_free_pte_list_desc",
    reason="gives a descriptor back, which holds anything from then on, and leads nowhere; which is looked at",
    writes=((0, ""),),
    stores=((0, pte_list.MORE, NULL),),
)
PRESENT = Cut(
    function=functions.IS_SHADOW_PRESENT_PTE, reason="what is on a list is there: stored.listed takes off what goes"
)
CLEAR = Cut(
    function=functions.MMU_SPTE_CLEAR_TRACK_BITS,
    reason="empties an entry, and counts, by lifecycle.changed; of which is looked at. A list's head is no counter",
    elsewhere=("*", kvm_vm.COUNTER),
)
CLEAR_PARENT = Cut(
    function=functions.MMU_SPTE_CLEAR_NO_TRACK, reason="empties an entry that led to a page; of which is looked at"
)
CUTS: tuple[Cut, ...] = (*common.CUTS, *common.PRINTS, TAKE, GIVE_BACK, PRESENT, CLEAR, CLEAR_PARENT, PROTECT)
