"""The calls that freeing pages of SPTEs makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, zapped_pages
from mmuproof.model.named import kvm_mmu_page, list_heads

FREE = Cut(
    function="kvm_mmu_free_shadow_page",
    reason="frees a page and its table; that it does, and when, is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST),
)
FLUSH = zapped_pages.FLUSH
COMMITS: tuple[Cut, ...] = (*common.CUTS, FLUSH, FREE)
