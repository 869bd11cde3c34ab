"""The calls of splitting huge pages of the shadow MMU that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, flush_ranges, stores
from mmuproof.model.cuts.reverse_maps import FIRST, NEXT
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, kvm_vm, list_heads

_BESIDE = (
    "*",
    kvm_vm.STRUCT,
    kvm_vm.CACHE,
    kvm_mmu_page.STRUCT,
    kvm_memory_slot.RMAP_HEAD,
    list_heads.LIST,
    kvm_memory_slot.PTE_LIST,
)
PAGE = Cut(
    function=functions.SHADOW_MMU_GET_SP_FOR_SPLIT,
    reason="finds the page that is to stand for a huge one, by stored.shadow-split",
)
MAKE = tuple(
    Cut(
        function=name,
        reason="makes a small SPTE of a huge one, by spte.split; of what, and for which, is looked at",
        watched=True,
    )
    for name in (functions.MAKE_SMALL_SPTE, functions.MAKE_HUGE_PAGE_SPLIT_SPTE)
)
FRAME = Cut(
    function=functions.KVM_MMU_PAGE_GET_GFN,
    reason="the frame of an entry, any, by stored.translation; of which is looked at",
)
ACCESS = Cut(
    function=functions.KVM_MMU_PAGE_GET_ACCESS,
    reason="what the guest grants with an entry, any, by stored.translation; of which is looked at",
)
LIST = Cut(
    function=functions.INNER_RMAP_ADD,
    reason="puts an entry on the list of what maps its frame, by stored.listed; which is looked at",
    elsewhere=(*_BESIDE, "argument 3"),
)
LINK = Cut(
    function=functions.INNER_LINK_SHADOW_PAGE,
    reason="puts a page in the place of an entry, by stored.link; which is looked at",
    elsewhere=(*_BESIDE, "argument 2"),
)
SPLITS: tuple[Cut, ...] = (*common.CUTS, PAGE, *MAKE, FRAME, LIST, LINK)
GET = Cut(
    function="__kvm_mmu_get_shadow_page",
    reason="finds or makes a page, by role.found-page; of which role and frame is looked at",
    elsewhere=_BESIDE,
)
CHOOSES: tuple[Cut, ...] = (*common.CUTS, stores.SPTEP_TO_SP, flush_ranges.SPTE_INDEX, FRAME, ACCESS, GET)
SPLIT = Cut(
    function=functions.SHADOW_MMU_SPLIT_HUGE_PAGE,
    reason="splits a huge page, by stored.shadow-split; which, and when, is looked at",
    elsewhere=("*", *_BESIDE),
)
LEFT = Cut(function="kvm_mmu_available_pages", reason="how many pages of SPTEs a VM may still have, any; reads only")
PREPARE = Cut(
    function="need_topup_split_caches_or_resched",
    reason="whether memory for a split has to be got first, or somebody waits, any; reads only",
)
TOP_UP = Cut(
    function="topup_split_caches", reason="gets memory for a split, or an error: any", elsewhere=("*", kvm_vm.CACHE)
)
TRIES: tuple[Cut, ...] = (
    *common.CUTS,
    *common.WRITE_LOCK,
    flush_ranges.SPTE_INDEX,
    FRAME,
    SPLIT,
    LEFT,
    PREPARE,
    TOP_UP,
    *common.each("lets others run", functions.INNER_COND_RESCHED, functions.FORMER_COND_RESCHED),
    *common.each("a tracepoint; reads only", functions.TRACE_KVM_MMU_SPLIT_HUGE_PAGE),
)
TRY = Cut(
    function=functions.SHADOW_MMU_TRY_SPLIT_HUGE_PAGE,
    reason="splits a huge page, or says why not, by stored.shadow-split; which is looked at",
    elsewhere=("*", *_BESIDE),
)
PASSES: tuple[Cut, ...] = (*common.CUTS, FIRST, NEXT, TRY)
