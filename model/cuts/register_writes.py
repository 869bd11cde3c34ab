"""The calls that writes to control registers make and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import asked_flushes, common, invalidations, roots
from mmuproof.model.named import functions

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    asked_flushes.REQUEST,
    invalidations.FREE_ROOTS,
    *(cut for cut in roots.LOAD_CR3 if cut.function not in {functions.KVM_INVALIDATE_PCID, functions.KVM_INIT_MMU}),
    *common.each(
        "makes the MMU anew for the registers that the vCPU has then; what is flushed does not depend on it",
        functions.KVM_MMU_RESET_CONTEXT,
        functions.KVM_INIT_MMU,
    ),
    *(
        Cut(
            function=name,
            reason="belongs to memory types and to pages that have come; no flush counts on it",
            elsewhere=("*",),
        )
        for name in ("kvm_zap_gfn_range", "kvm_clear_async_pf_completion_queue", "kvm_async_pf_hash_reset")
    ),
    Cut(function=functions.KVM_MMU_UNLOAD, reason="gives up all roots; no flush counts on it", elsewhere=("*",)),
)
SET = tuple(
    Cut(
        function=f"kvm_x86_set_{name}",
        reason="sets a register; the MMU is looked at behind all of these",
        elsewhere=("*",),
    )
    for name in ("cr0", "cr4", "efer")
)
REMAKE = Cut(
    function=functions.KVM_MMU_RESET_CONTEXT,
    reason="makes the MMU anew for the registers; that it is called, and when, is looked at",
    elsewhere=("*",),
)
RESETS: tuple[Cut, ...] = (
    *common.CUTS,
    asked_flushes.REQUEST,
    *SET,
    REMAKE,
    *common.each(
        "resets interrupts, clocks, the FPU, other registers or what is nested: what is flushed does not depend on it",
        "__kvm_set_xcr",
        "fpstate_clear_xstate_component",
        "fpu_swap_kvm_fpstate",
        "kvm_clear_async_pf_completion_queue",
        "kvm_find_cpuid_entry",
        "kvm_find_cpuid_entry2",
        "kvm_gpc_deactivate",
        "kvm_lapic_reset",
        functions.KVM_MSR_WRITE,
        "kvm_pmu_reset",
        functions.KVM_SET_RFLAGS,
        "kvm_update_dr0123",
        "kvm_update_dr7",
        functions.KVM_X86_CACHE_REG,
        functions.KVM_X86_GET_CS_DB_L_BITS,
        "kvm_x86_get_segment_base",
        "kvm_x86_nested_leave_nested",
        "kvm_x86_set_dr7",
        "kvm_x86_set_msr",
        "kvm_x86_set_rflags",
        "kvm_x86_update_exception_bitmap",
        "kvm_x86_vcpu_reset",
        "kvm_xstate_reset",
        "leave_nested",
        "trace_kvm_fpu",
    ),
)
"""For a reset."""
