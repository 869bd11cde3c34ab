"""The calls that the log of a slot's dirty pages makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

_LOOKED_AT = "what is called for which slot, and in which order, is looked at; changes SPTEs"
PROTECT = Cut(function="kvm_mmu_slot_remove_write_access", reason=_LOOKED_AT)
CLEAR_DIRTY = Cut(function="kvm_mmu_slot_leaf_clear_dirty", reason=_LOOKED_AT)
FLUSHES = tuple(
    Cut(function=name, reason="flushes TLBs; for which slot, and when, is looked at")
    for name in (functions.KVM_FLUSH_REMOTE_TLBS_MEMSLOT, functions.KVM_ARCH_FLUSH_REMOTE_TLBS_MEMSLOT)
)
PROTECT_HUGE = Cut(
    function=functions.KVM_MMU_SLOT_GFN_WRITE_PROTECT,
    reason="write-protects the pages around a frame; which is looked at",
    elsewhere=("*",),
)
HIGHEST_BIT = Cut(function="__fls", reason="the number of the highest bit; inline assembly, what it gives is known")
SMALL = tuple(
    Cut(function=name, reason="logs the small pages of a mask again; which mask is looked at", elsewhere=("*",))
    for name in ("kvm_mmu_clear_dirty_pt_masked", "kvm_mmu_write_protect_pt_masked")
)
MASKED: tuple[Cut, ...] = (
    *common.CUTS,
    PROTECT_HUGE,
    *SMALL,
    Cut(
        function="kvm_mmu_try_split_huge_pages",
        reason="splits huge pages if there is memory for it; nothing counts on it",
        elsewhere=("*",),
    ),
)
"""For the pages of a mask."""
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    PROTECT,
    CLEAR_DIRTY,
    *FLUSHES,
    *common.each(
        "makes huge pages of small ones, or small ones of huge ones; changes no slot",
        "kvm_mmu_recover_huge_pages",
        functions.KVM_MMU_ZAP_COLLAPSIBLE_SPTES,
        "kvm_mmu_slot_try_split_huge_pages",
    ),
    *common.each("lets the vCPUs begin or end to log; changes no slot", "kvm_mmu_update_cpu_dirty_logging"),
)
