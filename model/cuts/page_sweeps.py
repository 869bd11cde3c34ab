"""The calls of sweeps through all pages that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, zapped_pages
from mmuproof.model.cuts.child_syncs import YIELD
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, list_heads

_OTHERS = ("*", kvm_mmu_page.STRUCT, list_heads.LIST, kvm_memory_slot.RMAP_HEAD)
ZAP = Cut(
    function=functions.INNER_KVM_MMU_PREPARE_ZAP_PAGE,
    reason="gives a page up, by role.given-up, and says whether the list of pages may be another; which is looked at",
    writes=((3, ""),),
    elsewhere=_OTHERS,
)
FREE = zapped_pages.FREE
TDP = Cut(
    function="kvm_tdp_mmu_zap_all",
    reason="takes all of the TDP MMU's away, by loop.roots; that it does is looked at",
    elsewhere=_OTHERS,
)
SWEEPS: tuple[Cut, ...] = (
    *common.CUTS,
    ZAP,
    FREE,
    TDP,
    YIELD,
    *common.each("whether somebody waits: any answer", functions.NEED_RESCHED, functions.RWLOCK_NEEDBREAK),
    *common.WRITE_LOCK,
)
ROOTS, EMPTY = zapped_pages.ROOTS, zapped_pages.EMPTY_ROOTS
REST: tuple[Cut, ...] = zapped_pages.ALL
