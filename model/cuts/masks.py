"""The calls that the two modules make on their way to asking for masks, and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

SET_UP = (functions.KVM_MMU_SET_ME_SPTE_MASK, "kvm_mmu_set_mmio_spte_mask")
"""What the modules ask for: it is run afterwards, in the unit that holds the masks."""

CALLER_CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    Cut(function="cpuid_ebx", reason="a number that the host's CPUID gives", repeatable=True),
    Cut(function=functions.NATIVE_READ_MSR, reason="what a model-specific register of the host holds", repeatable=True),
    *(
        Cut(function=name, reason="run afterwards, with the arguments of this call, where the masks are")
        for name in SET_UP
    ),
)
"""For ``svm_adjust_mmio_mask()`` and ``vmx_setup_me_spte_mask()``; a mask is the only thing that they set."""
