"""The calls of taking memory of the host away that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, list_heads

FIRST = Cut(
    function="interval_tree_iter_first", reason="finds a slot that a range of addresses reaches, from the host's tree"
)
NEXT = Cut(function="interval_tree_iter_next", reason="finds the next one, or none")
UNMAP = Cut(
    function=functions.KVM_UNMAP_GFN_RANGE,
    reason="takes away what maps a range of frames, by slot.gone and flush.range; of which slot is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST, kvm_memory_slot.RMAP_HEAD),
    watched=True,
)
FLUSH = Cut(
    function=functions.KVM_FLUSH_REMOTE_TLBS, reason="flushes the TLBs of all vCPUs; that it is called is looked at"
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    *common.SRCU,
    *common.WRITE_LOCK,
    *common.SPIN_LOCK,
    FIRST,
    NEXT,
    UNMAP,
    FLUSH,
    *common.each("traces", "trace_kvm_unmap_hva_range"),
    *common.each("tells whom it concerns beside the MMU that memory goes away", "gfn_to_pfn_cache_invalidate_start"),
    *common.each("writes caches back, and no memory of KVM's", "kvm_arch_guest_memory_reclaimed"),
    *common.each("wakes who waits until no memory goes away", "rcuwait_wake_up"),
)
