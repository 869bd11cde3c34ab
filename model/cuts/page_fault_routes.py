"""The calls that deciding who gets a page fault of L2's makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

NEEDED = Cut(function="vmx_need_pf_intercept", reason="whether KVM has to see each page fault: any answer; reads only")
TELL = Cut(function=functions.VMCS_WRITE32, reason="a field of the VMCS; which, and what, is looked at")
LEFT: tuple[Cut, ...] = (
    *common.CUTS,
    NEEDED,
    TELL,
    *common.each(
        "a field of the VMCS that is not about page faults",
        functions.VMCS_WRITE16,
        functions.VMCS_WRITE64,
        functions.VMCS_WRITEL,
    ),
    *common.each(
        "belongs to other state of L2; writes no field about page faults",
        functions.VMX_SEGMENT_CACHE_CLEAR,
        "kvm_mpx_supported",
        "cpu_has_vmx_apicv",
        "nested_msr_store_list_has_msr",
        "prepare_vmx_msr_autostore_list",
        "set_cr4_guest_host_mask",
        functions.VMCS_WRITE_CET_STATE,
        "nested_vmx_evmcs",
    ),
)
ROUTED: tuple[Cut, ...] = common.CUTS
