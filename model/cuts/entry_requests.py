"""The calls on the way to a guest that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import asked_flushes, common
from mmuproof.model.named import functions

TESTS = tuple(
    Cut(function=name, reason="whether something is asked of the vCPU: what is asked when the function begins")
    for name in ("kvm_check_request", "kvm_test_request")
)
SYNC, LOAD, FREE_ROOTS, FLUSH_ALL, FLUSH_LISTED, SERVE = (
    Cut(function=name, reason=f"{does}; that it is called, and when, is looked at", elsewhere=("*",))
    for name, does in (
        (functions.KVM_MMU_SYNC_ROOTS, "synchronizes the root in use"),
        ("kvm_mmu_load_pgd", "lets the processor use the root"),
        (functions.KVM_MMU_FREE_OBSOLETE_ROOTS, "gives up roots that are out of date"),
        ("kvm_vcpu_flush_tlb_all", "flushes all that is cached for the vCPU"),
        ("kvm_hv_vcpu_flush_tlb", "flushes what Hyper-V's hypercalls have asked for"),
        ("kvm_service_local_tlb_flush_requests", "makes the flushes that the vCPU itself has asked for"),
    )
)
RELOAD = Cut(
    function=functions.KVM_MMU_RELOAD,
    reason="makes the root that the vCPU is to use; what it answers is looked at",
    elsewhere=("*",),
)
LEFT = Cut(
    function="kvm_vcpu_exit_request",
    reason="whether there is something left to do; when it is asked is looked at",
    watched=True,
)
RUN = tuple(
    Cut(function=name, reason="lets the guest run, which ends what is looked at", ends=True)
    for name in ("kvm_x86_vcpu_run", "vcpu_run", "kvm_x86_run")
)
_OTHERS = common.each(
    "belongs to interrupts, clocks, other devices or registers: whether the guest runs may depend on its answer, which "
    "is any, and what is done for the MMU does not",
    "__kvm_migrate_timers",
    "__kvm_xen_has_interrupt",
    "get_nested_state_pages",
    "inject_pending_event",
    "kvm_apic_accept_events",
    "kvm_apic_accept_pic_intr",
    "kvm_check_async_pf_completion",
    "kvm_cpu_has_extint",
    "kvm_dirty_ring_check_request",
    "kvm_dirty_ring_soft_full",
    "kvm_gen_kvmclock_update",
    "kvm_guest_time_update",
    "kvm_hv_process_stimers",
    "kvm_get_apic_mode",
    "kvm_lapic_enabled",
    "kvm_lapic_sync_from_vapic",
    "kvm_lapic_sync_to_vapic",
    "kvm_lapic_update_cr8_intercept",
    "kvm_mediated_pmu_load",
    "kvm_pmu_deliver_pmi",
    "kvm_pmu_handle_event",
    "kvm_update_masterclock",
    "kvm_vcpu_apicv_activated",
    functions.KVM_VCPU_APICV_ACTIVE,
    "kvm_vcpu_reload_apic_access_page",
    "kvm_vcpu_reset",
    "kvm_vcpu_update_apicv",
    "kvm_x86_cancel_injection",
    "kvm_x86_enable_irq_window",
    "kvm_x86_msr_filter_changed",
    "kvm_x86_nested_get_nested_state_pages",
    "kvm_x86_nested_triple_fault",
    "kvm_x86_prepare_switch_to_guest",
    "kvm_x86_recalc_intercepts",
    "kvm_x86_reload_vmsa",
    "kvm_x86_sync_pir_to_irr",
    "kvm_x86_update_cpu_dirty_logging",
    "kvm_x86_vcpu_get_apicv_inhibit_reasons",
    "process_nmi",
    "process_smi",
    "record_steal_time",
    "trace_kvm_dirty_ring_exit",
    "triple_fault",
    functions.UPDATE_CR8_INTERCEPT,
    "vcpu_load_eoi_exitmap",
    "vcpu_scan_ioapic",
)
_INJECTS = Cut(
    function="kvm_check_and_inject_events",
    reason="gives the guest what is due, and tells whether it is to come back at once: any answer",
    writes=((1, "*"),),
)
_PROCESSOR = common.each(
    "loads registers of the processor, or watches",
    "__wrmsr",
    "__wrmsrq",
    functions.ARCH_STATIC_BRANCH,
    "do_trace_read_msr",
    "do_trace_write_msr",
    functions.GET_CURRENT,
    functions.NATIVE_IRQ_DISABLE,
    functions.NATIVE_IRQ_ENABLE,
    "native_set_debugreg",
    "switch_fpu_return",
    "wrpkru",
    "xsetbv",
)
ENTERS: tuple[Cut, ...] = (
    *common.CUTS,
    *common.SRCU,
    *TESTS,
    *(SYNC, LOAD, FREE_ROOTS, FLUSH_ALL, FLUSH_LISTED, RELOAD, LEFT),
    *(asked_flushes.FLUSH_CURRENT, asked_flushes.FLUSH_GUEST),
    *common.REQUESTS,
    *RUN,
    *_OTHERS,
    _INJECTS,
    *_PROCESSOR,
)
"""For what comes before a guest runs."""
RELOADS: tuple[Cut, ...] = (
    *common.CUTS,
    *TESTS,
    FREE_ROOTS,
    Cut(function=functions.KVM_MMU_LOAD, reason="makes a root", elsewhere=("*",)),
)
"""For what makes a root before."""
SWITCH = tuple(
    Cut(function=name, reason="changes the guest, which ends what is looked at", ends=True)
    for name in ("vmx_switch_vmcs", "leave_guest_mode", "enter_guest_mode")
)
SWITCHES: tuple[Cut, ...] = (
    *common.CUTS,
    SERVE,
    *TESTS,
    *SWITCH,
    *common.each(
        "maps and reads what L1 has for L2, reads the VMCS, or watches: no flush depends on it",
        functions.INNER_VMCS_READL,
        functions.INNER_VMCS_WRITEL,
        functions.ARCH_STATIC_BRANCH,
        "kvm_apic_has_pending_init_or_sipi",
        "kvm_lapic_get_reg",
        functions.KVM_VCPU_APICV_ACTIVE,
        functions.KVM_X86_CACHE_REG,
        "nested_enlightened_vmentry",
        "nested_get_evmcs_page",
        "trace_kvm_nested_vmenter",
        functions.VMX_EPT_LOAD_PDPTRS,
    ),
)
"""For a change between L1 and L2."""
TRANSITION = Cut(
    function=functions.NESTED_VMX_TRANSITION_TLB_FLUSH,
    reason="flushes what L1 or L2 could use of the other, by flush.transition; that it is called, and for what, is "
    "looked at",
    elsewhere=("*",),
)
LOADS: tuple[Cut, ...] = (
    *common.CUTS,
    TRANSITION,
    *common.each(
        "loads a part of L1's state: what is flushed does not depend on it",
        functions.INNER_KVM_EMULATE_MSR_WRITE,
        functions.INNER_VMCS_READL,
        functions.INNER_VMCS_WRITEL,
        "__vmx_set_segment",
        functions.ARCH_STATIC_BRANCH,
        functions.KVM_SET_DR,
        functions.KVM_SET_MSR,
        "nested_vmx_abort",
        functions.NESTED_VMX_LOAD_CR3,
        "nested_vmx_load_msr",
        functions.VMX_EMULATION_REQUIRED,
        "vmx_set_cr0",
        "vmx_set_cr4",
        "vmx_set_efer",
        "vmx_set_interrupt_shadow",
        functions.VMX_SET_RFLAGS,
    ),
)
"""For L1's state."""
