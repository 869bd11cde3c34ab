"""The calls of what is kept of SPTEs beside them that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, flush_ranges, stores
from mmuproof.model.cuts.guest_tables import SLOT_OF, SPACE
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page

NOTE = Cut(
    function=functions.KVM_MMU_PAGE_SET_TRANSLATION,
    reason="notes what of the guest's an entry maps, by stored.translation; which is looked at",
    elsewhere=("*",),
)
RMAP = Cut(
    function=functions.GFN_TO_RMAP, reason="finds the list of what maps a frame, by slot.index; which is looked at"
)
LIST = Cut(
    function=functions.PTE_LIST_ADD,
    reason="puts an entry on a list, by stored.list-add, any length; which is looked at",
    elsewhere=("*", kvm_memory_slot.RMAP_HEAD, kvm_memory_slot.PTE_LIST),
)
UNLIST = Cut(
    function=functions.PTE_LIST_REMOVE,
    reason="takes an entry off a list, by stored.list-remove; which is looked at",
    elsewhere=("*", kvm_memory_slot.RMAP_HEAD, kvm_memory_slot.PTE_LIST),
)
DROP_ALL = tuple(
    Cut(
        function=name,
        reason="takes away all that is on a list, by stored.list-emptied; that it does is looked at",
        elsewhere=("*", kvm_memory_slot.RMAP_HEAD, kvm_mmu_page.STRUCT),
    )
    for name in (functions.KVM_ZAP_ALL_RMAP_SPTES, "kvm_zap_rmapp", functions.INNER_KVM_ZAP_RMAP)
)
FLUSH = tuple(
    Cut(function=name, reason="flushes what a frame is translated to at a level; of which is looked at")
    for name in (functions.KVM_FLUSH_REMOTE_TLBS_GFN, functions.KVM_FLUSH_REMOTE_TLBS_WITH_ADDRESS)
)
ADDS: tuple[Cut, ...] = (
    *common.CUTS,
    flush_ranges.SPTE_INDEX,
    NOTE,
    RMAP,
    LIST,
    *DROP_ALL,
    *FLUSH,
    *common.each("counts; writes no SPTE", functions.KVM_UPDATE_PAGE_STATS),
)
FRAME = Cut(function=functions.KVM_MMU_PAGE_GET_GFN, reason="the frame that an entry maps, any, by stored.translation")
DROPS: tuple[Cut, ...] = (
    *common.CUTS,
    flush_ranges.SPTE_INDEX,
    FRAME,
    RMAP,
    UNLIST,
    SPACE,
    SLOT_OF,
    *common.each("counts; writes no SPTE", functions.KVM_UPDATE_PAGE_STATS),
    *common.each("whether the write has to be one step: any answer; reads only", functions.SPTE_NEEDS_ATOMIC_UPDATE),
    *common.each("the same by another name", functions.SPTE_HAS_VOLATILE_BITS),
    *common.each("notes that a page was used or written", functions.KVM_SET_PFN_ACCESSED, functions.KVM_SET_PFN_DIRTY),
    *common.each("which page of the host's a frame is", functions.KVM_PFN_TO_REFCOUNTED_PAGE),
    *common.each("how often a page of the host's is used, any; reads only", functions.PAGE_COUNT, "folio_ref_count"),
)
ADD = Cut(
    function=functions.RMAP_ADD,
    reason="puts an entry on the list of what maps a frame, by stored.listed; which is looked at",
    elsewhere=("*", "argument 2"),
)
RENOTE = Cut(
    function=functions.KVM_MMU_PAGE_SET_ACCESS,
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
    Cut(
        function=name,
        reason="finds the next SPTE of a list, by stored.list-walk, any or none",
        writes=((position, ""),),
    )
    for name, position in ((functions.RMAP_GET_FIRST, 1), (functions.RMAP_GET_NEXT, 0))
)
LARGEST = Cut(
    function=functions.KVM_MMU_MAX_MAPPING_LEVEL,
    reason="how large a page can be around a frame, any, by slot.huge-page; which is asked is looked at",
)
DROP = Cut(
    function="kvm_zap_one_rmap_spte",
    reason="takes an SPTE away, and off its list; that it does, and which, is looked at",
    elsewhere=("*", "argument 2", kvm_memory_slot.RMAP_HEAD),
)
FLUSH_ENTRY = Cut(
    function=functions.KVM_FLUSH_REMOTE_TLBS_SPTEP, reason="flushes what an SPTE has translated, by stored.flush-range"
)
CAN_FLUSH = tuple(
    Cut(function=name, reason="whether single frames can be flushed: any answer")
    for name in ("kvm_available_flush_remote_tlbs_range", "kvm_available_flush_tlb_with_range")
)
PROTECT = Cut(
    function="spte_write_protect",
    reason="takes the right to write from an SPTE, by flush.spte; that it does, and of which, is looked at",
    elsewhere=("*", "argument 0"),
)
PROTECTS: tuple[Cut, ...] = (*common.CUTS, FIRST, NEXT, PROTECT)
"""For a list whose SPTEs are write-protected."""
BY_WRITES = Cut(
    function=functions.SPTE_AD_NEED_WRITE_PROTECT,
    reason="whether writes are noticed by faults: any answer; spte.dirty-logging says which; reads only",
)
CLEAR = Cut(
    function="spte_clear_dirty",
    reason="takes the dirty flag from an SPTE, by spte.dirty-logging; that it does, and of which, is looked at",
    elsewhere=("*", "argument 0"),
)
CLEARS: tuple[Cut, ...] = (
    *common.CUTS,
    FIRST,
    NEXT,
    BY_WRITES,
    CLEAR,
    *common.each("notes that a page was written; writes no SPTE", functions.KVM_SET_PFN_DIRTY),
)
"""For a list whose SPTEs lose the dirty flag."""
COLLAPSES: tuple[Cut, ...] = (*common.CUTS, FIRST, NEXT, LARGEST, DROP, FLUSH_ENTRY, *FLUSH, *CAN_FLUSH)
