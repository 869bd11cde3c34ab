"""The calls that invalidating translations makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import asked_flushes, common
from mmuproof.model.named import functions, kvm_mmu_page

WALK = Cut(
    function=functions.INNER_KVM_MMU_INVALIDATE_ADDR,
    reason="synchronizes what a root translates an address with; for which roots and address is looked at; a loop",
    elsewhere=("*",),
)
FLUSH_ADDRESS = tuple(
    Cut(function=name, reason="lets the processor forget an address; whether it is called, and for which, is looked at")
    for name in (functions.KVM_X86_FLUSH_TLB_GVA, "flush_tlb_gva")
)
TRANSITION: tuple[Cut, ...] = (
    *common.CUTS,
    asked_flushes.REQUEST,
    Cut(
        function="kvm_hv_nested_transtion_tlb_flush",
        reason="asks for more flushes where Hyper-V's hypercalls have asked for some",
        elsewhere=("*",),
    ),
)
"""For the way from L1 to L2, and back."""
TYPE = Cut(function="kvm_register_read", reason="a register of L1: how INVEPT is meant, any number")
_OPERAND = Cut(
    function=functions.KVM_READ_GUEST_VIRT,
    reason="reads the operand that L1 has in its memory, any, or fails",
    writes=((2, "*"), (4, "")),
)
FREE_ROOTS = Cut(
    function=functions.KVM_MMU_FREE_ROOTS,
    reason="gives up roots; which, and of which MMU, is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT),
    watched=True,
)
SUCCEED = Cut(
    function=functions.NESTED_VMX_SUCCEED, reason="tells L1 that its instruction is done; that it does is looked at"
)
CHECK_EPTP = Cut(
    function=functions.NESTED_VMX_CHECK_EPTP, reason="whether an EPTP can be used, any answer; which is looked at"
)
INVEPT: tuple[Cut, ...] = (
    *common.CUTS,
    TYPE,
    _OPERAND,
    FREE_ROOTS,
    SUCCEED,
    CHECK_EPTP,
    *common.each("whether L1 may use the instruction, any answer", "nested_vmx_check_permission"),
    *common.each("tells L1 that its instruction has failed", "kvm_queue_exception", functions.NESTED_VMX_FAIL),
    *common.each("tells L1, or userspace, of an operand that cannot be read", functions.KVM_HANDLE_MEMORY_FAILURE),
    *common.each("what the processor tells of the exit, any", functions.VMCS_READ32, "vmx_get_exit_qual"),
    *common.each("which register L1 names, any", "vmx_get_instr_info_reg2"),
    Cut(function="get_vmx_mem_address", reason="where L1's operand is, any address, or none", writes=((5, "*"),)),
)
"""For INVEPT."""
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    WALK,
    *FLUSH_ADDRESS,
    Cut(
        function=functions.KVM_X86_CACHE_REG,
        reason="fetches a register into the register cache, which holds it already here",
    ),
    Cut(function=functions.KVM_REGISTER_IS_AVAILABLE, reason="whether a register is in the register cache: it is"),
)
