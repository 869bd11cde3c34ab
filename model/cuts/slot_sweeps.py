"""The calls of what is done to many SPTEs that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, flush_ranges
from mmuproof.model.cuts.range_zaps import HAVE_RMAPS
from mmuproof.model.named import functions, kvm_mmu_page, list_heads

_WALK = "goes through SPTEs of a slot, and says whether one has changed; which, and for what, is looked at"
WALKS = tuple(
    Cut(function=name, reason=_WALK, elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST))
    for name in (functions.INNER_WALK_SLOT_RMAPS, functions.SLOT_HANDLE_LEVEL_RANGE)
)
_TDP = "does it in the TDP MMU; of which slot and level is looked at"
TDP = tuple(
    Cut(function=f"kvm_tdp_mmu_{name}", reason=_TDP, elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST))
    for name in (
        "wrprot_slot",
        "clear_dirty_slot",
        "recover_huge_pages",
        "zap_collapsible_sptes",
        "try_split_huge_pages",
    )
)
FLUSH_SLOT = tuple(
    Cut(function=name, reason="flushes a slot: all its frames, or all; of which is looked at")
    for name in (functions.KVM_FLUSH_REMOTE_TLBS_MEMSLOT, functions.KVM_ARCH_FLUSH_REMOTE_TLBS_MEMSLOT)
)
RMAP = Cut(function=functions.GFN_TO_RMAP, reason="finds what maps a frame at a level: slot.index proves it")
LOWEST = tuple(
    Cut(function=name, reason="which bit is the lowest; inline assembly") for name in ("__ffs", "variable__ffs")
)
_DOES = "does it to what maps a frame; which is looked at"
DOES = tuple(
    Cut(function=name, reason=_DOES, elsewhere=("*", "argument 0", "argument 1"))
    for name in (functions.RMAP_WRITE_PROTECT, functions.INNER_RMAP_CLEAR_DIRTY)
)
TDP_MASK = Cut(
    function="kvm_tdp_mmu_clear_dirty_pt_masked",
    reason="does it in the TDP MMU; of which frames is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT),
)
_AGES = "looks at accessed flags, and may clear them; of which range is looked at"
AGES_SHADOW = tuple(
    Cut(function=name, reason=_AGES, elsewhere=("*",))
    for name in (functions.KVM_RMAP_AGE_GFN_RANGE, functions.KVM_HANDLE_GFN_RANGE)
)
AGES_TDP = tuple(
    Cut(function=name, reason="does so in the TDP MMU; of which range is looked at", elsewhere=("*",))
    for name in ("kvm_tdp_mmu_age_gfn_range", "kvm_tdp_mmu_test_age_gfn")
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    *WALKS,
    *TDP,
    *FLUSH_SLOT,
    HAVE_RMAPS,
    *flush_ranges.RANGE,
    flush_ranges.ALL,
    *common.WRITE_LOCK,
    *common.READ_LOCK,
)
MASKS: tuple[Cut, ...] = (*common.CUTS, HAVE_RMAPS, RMAP, *DOES, TDP_MASK)
AGES: tuple[Cut, ...] = (*common.CUTS, HAVE_RMAPS, *AGES_SHADOW, *AGES_TDP)
