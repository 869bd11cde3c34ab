"""The calls that keep guest page tables write-protected and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, flush_ranges
from mmuproof.model.named import functions, kvm_mmu_page

SLOT_OF = Cut(
    function=functions.INNER_GFN_TO_MEMSLOT,
    reason="looks a slot up: any; of which frame and address space is looked at",
)
INDEX = Cut(
    function=functions.GFN_TO_INDEX,
    reason="where in a slot's arrays a frame is: slot.index proves it; of which is looked at",
)
SPACE = Cut(function="__kvm_memslots", reason="finds the slots of an address space; of which is looked at")
DISALLOW, ALLOW = (
    Cut(
        function=f"kvm_mmu_gfn_{word}_lpage",
        reason="counts what forbids huge pages around a frame, as slot.huge-page-count proves; of which is looked at",
        elsewhere=("*",),
    )
    for word in ("disallow", "allow")
)
PROTECT = Cut(
    function=functions.KVM_MMU_SLOT_GFN_WRITE_PROTECT,
    reason="takes the permission to write from a frame's SPTEs, and says whether one had it; of which is looked at",
    elsewhere=("*",),
)
TRACKED = tuple(
    Cut(function=name, reason="whether somebody wants to know of writes to a frame: any; of which is looked at")
    for name in (functions.KVM_GFN_IS_WRITE_TRACKED, functions.KVM_SLOT_PAGE_TRACK_IS_ACTIVE)
)
INFO = Cut(
    function=functions.LPAGE_INFO_SLOT, reason="where a slot counts: slot.index proves it; of which frame is looked at"
)
HUGE_ALLOWED = Cut(
    function="kvm_gfn_is_lpage_allowed", reason="whether a frame may be part of a huge page: any; of which is looked at"
)
PAGES_OF = Cut(
    function="kvm_get_mmu_page_hash", reason="finds the list in which a frame's pages are: any; of which is looked at"
)
NUMBER_OF = Cut(
    function=functions.KVM_PAGE_TABLE_HASHFN, reason="the number of that list: any; of which frame is looked at"
)
PARENTS = Cut(
    function=functions.KVM_MMU_MARK_PARENTS_UNSYNC,
    reason="notes in the pages that lead to one that it is out of sync; of which is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT),
)
RMAP = Cut(function=functions.GFN_TO_RMAP, reason="finds what maps a frame at a level: slot.index proves it")
RMAP_PROTECT = Cut(
    function=functions.RMAP_WRITE_PROTECT,
    reason="takes the permission to write from SPTEs, and says whether one had it; from which is looked at",
    elsewhere=("*", "argument 0"),
)
TDP_PROTECT = Cut(
    function="kvm_tdp_mmu_write_protect_gfn",
    reason="does so in the TDP MMU, and says whether one had it; of which frame is looked at",
    elsewhere=("*",),
)
HAVE_RMAPS = Cut(
    function=functions.KVM_MEMSLOTS_HAVE_RMAPS, reason="whether there may be SPTEs of the shadow MMU: any answer"
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    SLOT_OF,
    SPACE,
    INDEX,
    DISALLOW,
    ALLOW,
    PROTECT,
    *TRACKED,
    HUGE_ALLOWED,
    PARENTS,
    RMAP,
    RMAP_PROTECT,
    TDP_PROTECT,
    HAVE_RMAPS,
    *flush_ranges.RANGE,
    flush_ranges.ALL,
    *common.each("a tracepoint; reads only", "trace_kvm_mmu_unsync_page"),
    *common.SPIN_LOCK,
)
