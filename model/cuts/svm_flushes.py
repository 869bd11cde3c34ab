"""The calls that flushing the TLB of a processor with SVM makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, tlb_flushes
from mmuproof.model.named import functions

ONE_ADDRESS = Cut(
    function="invlpga", reason="lets the processor forget an address with an ASID; which is looked at; inline assembly"
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    ONE_ADDRESS,
    tlb_flushes.FORGET_ASKED,
    *common.each(
        "whether KVM runs on Hyper-V and is to tell it of flushes: any answer", "svm_hv_is_enlightened_tlb_enabled"
    ),
    *common.each(
        "tells Hyper-V beside the processor",
        "hyperv_flush_guest_mapping",
        "hv_flush_remote_tlbs",
        "hv_remote_flush_tlb",
    ),
    *common.each("notes a register by a bit that is of no VMCB", functions.KVM_REGISTER_MARK_DIRTY),
)
