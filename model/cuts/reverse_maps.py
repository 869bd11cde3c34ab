"""The calls of what is kept of SPTEs beside them that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, flush_ranges, stores
from mmuproof.model.cuts.guest_tables import SLOT_OF, SPACE
from mmuproof.model.named import kvm_memory_slot, kvm_mmu_page

NOTE = Cut(
    function="kvm_mmu_page_set_translation",
    reason="notes what of the guest's an entry maps, by stored.translation; which is looked at",
    elsewhere=("*",),
)
RMAP = Cut(function="gfn_to_rmap", reason="finds the list of what maps a frame, by slot.index; which is looked at")
LIST = Cut(
    function="pte_list_add",
    reason="puts an entry on a list, any length; which is looked at",
    elsewhere=("*", kvm_memory_slot.RMAP_HEAD, kvm_memory_slot.PTE_LIST),
)
UNLIST = Cut(
    function="pte_list_remove",
    reason="takes an entry off a list; which is looked at",
    elsewhere=("*", kvm_memory_slot.RMAP_HEAD, kvm_memory_slot.PTE_LIST),
)
DROP_ALL = tuple(
    Cut(
        function=name,
        reason="takes away all that is on a list; that it does is looked at",
        elsewhere=("*", kvm_memory_slot.RMAP_HEAD, kvm_mmu_page.STRUCT),
    )
    for name in ("kvm_zap_all_rmap_sptes", "kvm_zap_rmapp", "__kvm_zap_rmap")
)
FLUSH = tuple(
    Cut(function=name, reason="flushes what a frame is translated to at a level; of which is looked at")
    for name in ("kvm_flush_remote_tlbs_gfn", "kvm_flush_remote_tlbs_with_address")
)
ADDS: tuple[Cut, ...] = (
    *common.CUTS,
    flush_ranges.SPTE_INDEX,
    NOTE,
    RMAP,
    LIST,
    *DROP_ALL,
    *FLUSH,
    *common.each("counts; writes no SPTE", "kvm_update_page_stats"),
)
FRAME = Cut(function="kvm_mmu_page_get_gfn", reason="the frame that an entry maps, any, by stored.translation")
DROPS: tuple[Cut, ...] = (
    *common.CUTS,
    flush_ranges.SPTE_INDEX,
    FRAME,
    RMAP,
    UNLIST,
    SPACE,
    SLOT_OF,
    *common.each("counts; writes no SPTE", "kvm_update_page_stats"),
    *common.each("whether the write has to be one step: any answer; reads only", "spte_needs_atomic_update"),
    *common.each("the same by another name", "spte_has_volatile_bits"),
    *common.each("notes that a page was used or written", "kvm_set_pfn_accessed", "kvm_set_pfn_dirty"),
    *common.each("which page of the host's a frame is", "kvm_pfn_to_refcounted_page"),
    *common.each("how often a page of the host's is used, any; reads only", "page_count", "folio_ref_count"),
)
ADD = Cut(
    function="rmap_add",
    reason="puts an entry on the list of what maps a frame, by stored.listed; which is looked at",
    elsewhere=("*", "argument 2"),
)
RENOTE = Cut(
    function="kvm_mmu_page_set_access",
    reason="notes anew what the guest's entry grants, by stored.translation; which is looked at",
    elsewhere=("*",),
)
MAPS: tuple[Cut, ...] = (
    *(cut for cut in stores.SHADOW if cut.function not in (ADD.function, RENOTE.function)),
    ADD,
    RENOTE,
    flush_ranges.SPTE_INDEX,
)
FIRST, NEXT = (
    Cut(function=name, reason="finds the next SPTE of a list, any or none", writes=((position, ""),))
    for name, position in (("rmap_get_first", 1), ("rmap_get_next", 0))
)
LARGEST = Cut(
    function="kvm_mmu_max_mapping_level",
    reason="how large a page can be around a frame, any, by slot.huge-page; which is asked is looked at",
)
DROP = Cut(
    function="kvm_zap_one_rmap_spte",
    reason="takes an SPTE away, and off its list; that it does, and which, is looked at",
    elsewhere=("*", "argument 2", kvm_memory_slot.RMAP_HEAD),
)
FLUSH_ENTRY = Cut(
    function="kvm_flush_remote_tlbs_sptep", reason="flushes what an SPTE has translated, by stored.flush-range"
)
CAN_FLUSH = tuple(
    Cut(function=name, reason="whether single frames can be flushed: any answer")
    for name in ("kvm_available_flush_remote_tlbs_range", "kvm_available_flush_tlb_with_range")
)
COLLAPSES: tuple[Cut, ...] = (*common.CUTS, FIRST, NEXT, LARGEST, DROP, FLUSH_ENTRY, *FLUSH, *CAN_FLUSH)
