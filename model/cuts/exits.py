"""The calls that the handlers of exits make and that are not followed.

A result that may be anything stands for every result; what such a call writes is listed and becomes unknown.
Everything else that this code calls is lifted or refused.
"""

from __future__ import annotations

from mmuproof.lift.cuts import Cut
from mmuproof.model.cuts import common

READ_VMCS = Cut("vmcs_readl", "a field of the VMCS, the same for one field while an exit is handled", repeatable=True)
READ_VMCS_64 = Cut(
    "vmcs_read64", "a field of the VMCS, the same for one field while an exit is handled", repeatable=True
)
PAGE_FAULT = Cut("kvm_mmu_page_fault", "what the MMU makes of the fault; its arguments are the result here")
VMX_EXIT = Cut("nested_vmx_vmexit", "takes L1 the exit; its arguments are the result here")
SVM_EXIT = Cut("nested_svm_vmexit", "takes L1 the exit; what the VMCB then holds is the result here")
CHECK_EMULATION = Cut(
    "svm_check_emulate_instruction", "whether the instruction can be emulated: any answer; may queue an exception"
)
FAST_MMIO = Cut("kvm_io_bus_write", "whether a device takes the access: any answer; writes no VMCB")

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    READ_VMCS,
    READ_VMCS_64,
    PAGE_FAULT,
    VMX_EXIT,
    SVM_EXIT,
    CHECK_EMULATION,
    FAST_MMIO,
    Cut("vmcs_set_bits", "blocks NMIs again, which IRET had unblocked; no fault depends on it"),
    Cut("arch___test_and_set_bit", "whether the register cache holds the field: it holds what the VMCS does"),
    Cut("arch___set_bit", "notes that the register cache holds the field"),
    Cut("kvm_emulate_instruction", "emulates the instruction, on a path that asks the MMU nothing here"),
    Cut("kvm_skip_emulated_instruction", "ends an exit that a device has taken, on a path that asks the MMU nothing"),
    Cut("nested_ept_invalidate_addr", "drops stale shadow pages; what L1 is told does not depend on them"),
    Cut("sev_handle_rmp_fault", "runs after the MMU has been asked"),
    Cut("trace_kvm_page_fault", "tells a tracer, which changes nothing"),
    Cut("trace_kvm_fast_mmio", "tells a tracer, which changes nothing"),
)
