"""The calls that telling L1 of a fault in its EPT makes and that are not followed, where roots are looked at."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, exits
from mmuproof.model.named import functions

FORGET, FORMER_FORGET = (
    Cut(
        function=name,
        reason="forgets what roots translate an address with, by flush.address; which roots, and where, is looked at",
        elsewhere=("*",),
        watched=True,
    )
    for name in (functions.KVM_MMU_INVALIDATE_ADDR, "ept_invlpg")
)
CUTS: tuple[Cut, ...] = (*common.CUTS, FORGET, FORMER_FORGET, exits.READ_VMCS, exits.VMX_EXIT, *exits.REGISTER_CACHE)
