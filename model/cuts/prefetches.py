"""The calls of mapping ahead that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, flush_ranges
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, kvm_page_fault, kvm_vcpu, list_heads

_MAPS = "maps entries ahead; which is looked at, and what they get is looked at where it does"
_WRITTEN = ("*", kvm_mmu_page.STRUCT, kvm_memory_slot.RMAP_HEAD, list_heads.LIST)
MANY = Cut(function=functions.DIRECT_PTE_PREFETCH_MANY, reason=_MAPS, elsewhere=_WRITTEN)
WHOLE = Cut(function=functions.INNER_DIRECT_PTE_PREFETCH, reason=_MAPS, elsewhere=_WRITTEN)
OF_GUEST = tuple(
    Cut(
        function=f"{each}_prefetch_gpte",
        reason="maps one entry ahead, by walk.ahead; which is looked at",
        elsewhere=_WRITTEN,
    )
    for each in ("ept", "paging64", "paging32")
)
CHOOSES: tuple[Cut, ...] = (*common.CUTS, flush_ranges.SPTE_INDEX, MANY)
CHOOSES_OF_GUEST: tuple[Cut, ...] = (*common.CUTS, flush_ranges.SPTE_INDEX, WHOLE, *OF_GUEST)
SLOT = Cut(
    function=functions.KVM_VCPU_GFN_TO_MEMSLOT, reason="finds the slot of a frame, or none; of which is looked at"
)
PAGES = tuple(
    Cut(
        function=name,
        reason="finds the host's pages of frames that begin with one: any number of them; of which is looked at",
        writes=((2, "*"),),
    )
    for name in ("kvm_prefetch_pages", "gfn_to_page_many_atomic")
)
MAKE = Cut(
    function=functions.MMU_SET_SPTE,
    reason="maps a page with an entry, by stored.shadow; with which, and what for, is looked at",
    elsewhere=(*_WRITTEN, kvm_page_fault.STRUCT, kvm_vcpu.STRUCT),
)
FRAME = Cut(
    function=functions.KVM_MMU_PAGE_GET_GFN, reason="the frame that is noted of an entry: any, by stored.translation"
)
RUN = Cut(
    function=functions.KVM_MMU_PREFETCH_SPTES,
    reason="maps entries in a row ahead; with which access and frames is looked at",
    elsewhere=_WRITTEN,
)
HANDS_ON: tuple[Cut, ...] = (*common.CUTS, flush_ranges.SPTE_INDEX, RUN, FRAME)
MAPS: tuple[Cut, ...] = (
    *common.CUTS,
    flush_ranges.SPTE_INDEX,
    SLOT,
    *PAGES,
    MAKE,
    FRAME,
    *common.each(
        "lets a page of the host's go; writes no SPTE",
        "kvm_release_page_dirty",
        "kvm_release_page_clean",
        "put_page",
        "folio_put",
        "__folio_put",
        "__put_page",
    ),
)
