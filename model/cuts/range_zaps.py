"""The calls that taking a range of frames away makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, flush_ranges
from mmuproof.model.named import functions

_ZAPS = "zaps the SPTEs of a range, and says whether hardware may still have some; which range is looked at"
SHADOW = tuple(
    Cut(function=name, reason=_ZAPS, elsewhere=("*",))
    for name in (
        functions.KVM_RMAP_ZAP_GFN_RANGE,
        functions.INNER_KVM_RMAP_ZAP_GFN_RANGE,
        functions.KVM_HANDLE_GFN_RANGE,
    )
)
TDP = tuple(
    Cut(function=name, reason=_ZAPS, elsewhere=("*",))
    for name in ("kvm_tdp_mmu_zap_leafs", "kvm_tdp_mmu_unmap_gfn_range")
)
HAVE_RMAPS = Cut(
    function=functions.KVM_MEMSLOTS_HAVE_RMAPS, reason="whether there may be SPTEs of the shadow MMU: any answer"
)
_WAIT = "lets faults that are handled meanwhile begin anew; that it is called, and for which range, is looked at"
BEGIN = tuple(Cut(function=f"kvm_mmu_invalidate_{name}", reason=_WAIT) for name in ("start", "begin"))
RANGE_ADD = Cut(function=functions.KVM_MMU_INVALIDATE_RANGE_ADD, reason=_WAIT)
END = Cut(function="kvm_mmu_invalidate_end", reason=_WAIT)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    *SHADOW,
    *TDP,
    HAVE_RMAPS,
    *BEGIN,
    RANGE_ADD,
    END,
    *flush_ranges.RANGE,
    *common.WRITE_LOCK,
    *common.SRCU,
)
