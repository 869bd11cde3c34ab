"""The calls that the handlers of exits make and that are not followed.

A result that may be anything stands for every result; what such a call writes is listed and becomes unknown.
Everything else that this code calls is lifted or refused.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, vmcb_fields

READ_VMCS = Cut(
    function=functions.VMCS_READL,
    reason="a field of the VMCS, the same for one field while an exit is handled",
    repeatable=True,
)
READ_VMCS_64 = Cut(
    function=functions.VMCS_READ64,
    reason="a field of the VMCS, the same for one field while an exit is handled",
    repeatable=True,
)
PAGE_FAULT = Cut(
    function=functions.KVM_MMU_PAGE_FAULT, reason="what the MMU makes of the fault; its arguments are the result here"
)
VMX_EXIT = Cut(function="nested_vmx_vmexit", reason="takes L1 the exit; its arguments are the result here")
SVM_EXIT = Cut(
    function="nested_svm_vmexit",
    reason="takes L1 the exit; what the VMCB then holds is the result here",
    elsewhere=(vmcb_fields.STRUCT,),
)
CHECK_EMULATION = Cut(
    function="svm_check_emulate_instruction",
    reason="whether the instruction can be emulated: any answer; may queue an exception",
)
CHECK_EMULATION_VMX, FORMER_CHECK_EMULATION_VMX = (
    Cut(function=name, reason="whether the instruction can be emulated: any answer; may queue an exception")
    for name in ("vmx_check_emulate_instruction", "vmx_can_emulate_instruction")
)
FAST_MMIO = Cut(function="kvm_io_bus_write", reason="whether a device takes the access: any answer; writes no VMCB")

REGISTER_CACHE = (
    Cut(
        function=functions.ARCH_TEST_AND_SET_BIT,
        reason="whether the register cache holds the field: it holds what the VMCS does",
    ),
    Cut(function="arch___set_bit", reason="notes that the register cache holds the field"),
)
FORGET_IN_OTHERS = Cut(
    function="nested_ept_invalidate_addr",
    reason="forgets an address in roots for the same tables of L1's, by flush.shared-tables; for which is looked at",
)

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    READ_VMCS,
    READ_VMCS_64,
    PAGE_FAULT,
    VMX_EXIT,
    SVM_EXIT,
    CHECK_EMULATION,
    CHECK_EMULATION_VMX,
    FORMER_CHECK_EMULATION_VMX,
    FAST_MMIO,
    Cut(function="vmcs_set_bits", reason="blocks NMIs again, which IRET had unblocked; no fault depends on it"),
    *REGISTER_CACHE,
    Cut(
        function="kvm_emulate_instruction", reason="emulates the instruction, on a path that asks the MMU nothing here"
    ),
    Cut(
        function=functions.KVM_SKIP_EMULATED_INSTRUCTION,
        reason="ends an exit that a device has taken, on a path that asks the MMU nothing",
    ),
    FORGET_IN_OTHERS,
    Cut(function="sev_handle_rmp_fault", reason="runs after the MMU has been asked"),
    Cut(function=functions.TRACE_KVM_PAGE_FAULT, reason="tells a tracer, which changes nothing"),
    Cut(function="trace_kvm_fast_mmio", reason="tells a tracer, which changes nothing"),
)
