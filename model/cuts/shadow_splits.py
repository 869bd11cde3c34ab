"""The calls of splitting huge pages of the shadow MMU that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, flush_ranges, stores

_BESIDE = (
    "*",
    "struct kvm",
    "struct kvm_mmu_memory_cache",
    "struct kvm_mmu_page",
    "struct kvm_rmap_head",
    "struct list_head",
    "struct pte_list_desc",
)
PAGE = Cut(
    function="shadow_mmu_get_sp_for_split",
    reason="finds the page that is to stand for a huge one, by stored.shadow-split",
)
MAKE = tuple(
    Cut(function=name, reason="makes a small SPTE of a huge one, by spte.split; of what, and for which, is looked at")
    for name in ("make_small_spte", "make_huge_page_split_spte")
)
FRAME = Cut(
    function="kvm_mmu_page_get_gfn", reason="the frame of an entry, any, by stored.translation; of which is looked at"
)
ACCESS = Cut(
    function="kvm_mmu_page_get_access",
    reason="what the guest grants with an entry, any, by stored.translation; of which is looked at",
)
LIST = Cut(
    function="__rmap_add",
    reason="puts an entry on the list of what maps its frame, by stored.listed; which is looked at",
    elsewhere=(*_BESIDE, "argument 3"),
)
LINK = Cut(
    function="__link_shadow_page",
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
