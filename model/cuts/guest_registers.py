"""The calls that giving a vCPU control registers makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_vcpu

_OTHER_CHECK = "another check of what is asked for: any outcome"
_OTHER_STATE = "belongs to other state of the vCPU; writes neither CR0, CR4 nor EFER"
_VMCB = "notes something in a VMCB that is neither CR0, CR4 nor EFER"

_COMMON: tuple[Cut, ...] = (
    *common.CUTS,
    Cut(
        function=functions.KVM_X86_CACHE_REG,
        reason="fetches a register of the guest into the register cache, which holds it already here",
    ),
    *common.each(
        _OTHER_CHECK,
        "kvm_valid_efer",
        "__kvm_valid_efer",
        "__kvm_is_valid_cr4",
        "kvm_is_valid_cr4",
        "kvm_is_valid_cr0",
        functions.KVM_VCPU_IS_LEGAL_CR3,
        functions.KVM_VCPU_IS_ILLEGAL_GPA,
        functions.KVM_VCPU_IS_LEGAL_GPA,
        "kvm_dr6_valid",
        "kvm_dr7_valid",
    ),
    *common.each(
        "whether the guest's CPUID has a feature: any answer", functions.GUEST_CPU_CAP_HAS, functions.GUEST_CPUID_HAS
    ),
    *common.REQUESTS,
    *(
        Cut(function=name, reason="marks or forgets something by a bit that is of no register", writes=((1, "*"),))
        for name in (functions.ARCH_SET_BIT, "arch___clear_bit")
    ),
    *common.PRINTS,
)

# The bits of 6.x that mark a register stand before CR0, and are set in a word that reaches into it.
LOAD_PDPTRS = Cut(
    function=functions.LOAD_PDPTRS,
    reason="loads the PDPTEs, or fails; writes no control register",
    writes=((0, kvm_vcpu.CR0),),
)
LOAD_CR3 = Cut(
    function=functions.NESTED_VMX_LOAD_CR3,
    reason="loads CR3 and the PDPTEs, or fails; writes no other control register",
    writes=((0, kvm_vcpu.CR0),),
)

_SET: tuple[Cut, ...] = (
    *common.each(
        _OTHER_CHECK, "kvm_x86_is_valid_cr0", "kvm_x86_is_valid_cr4", "kvm_set_apic_base", "kvm_apic_set_base"
    ),
    *common.each(
        _OTHER_STATE,
        functions.KVM_X86_SET_IDT,
        "kvm_x86_set_gdt",
        "kvm_x86_post_set_cr3",
        functions.KVM_SET_SEGMENT,
        functions.KVM_UPDATE_CPUID_RUNTIME,
        functions.UPDATE_CR8_INTERCEPT,
        "kvm_set_cr8",
        "kvm_set_mp_state",
        "kvm_vcpu_is_bsp",
        functions.KVM_RIP_READ,
        "kvm_hv_xsaves_xsavec_maybe_warn",
        "__srcu_read_lock",
        "__srcu_read_unlock",
        functions.SRCU_READ_LOCK,
        functions.SRCU_READ_UNLOCK,
    ),
    *common.each(
        "sets the MMU up again for the new registers, which it reads",
        "kvm_post_set_cr0",
        "kvm_post_set_cr4",
        functions.KVM_MMU_RESET_CONTEXT,
    ),
    LOAD_PDPTRS,
    Cut(
        function=functions.KVM_X86_GET_CS_DB_L_BITS,
        reason="whether the code segment is of 32 and of 64 bits: any answer",
        writes=((1, "*"), (2, "*")),
    ),
)

FIND_EFER = Cut(
    function="vmx_find_uret_msr", reason="finds where EFER is kept, which every 64-bit processor has; reads only"
)
VMX: tuple[Cut, ...] = (
    *_COMMON,
    *_SET,
    *common.each(
        "a field of the VMCS: any value; the registers that KVM notes are the result here",
        functions.VMCS_WRITE16,
        functions.VMCS_WRITE32,
        functions.VMCS_WRITE64,
        functions.VMCS_WRITEL,
        "vmcs_read16",
        functions.VMCS_READ32,
        functions.VMCS_READ64,
        functions.VMCS_READL,
    ),
    *common.each(
        _OTHER_STATE,
        "enter_pmode",
        "enter_rmode",
        functions.VMX_SEGMENT_CACHE_CLEAR,
        "vmx_setup_uret_msrs",
        functions.VMX_EMULATION_REQUIRED,
    ),
    FIND_EFER,
    Cut(function=functions.CR4_READ_SHADOW, reason="the host's own CR4: any answer"),
)
"""For Intel."""

ENTER_VMX: tuple[Cut, ...] = (
    *common.each(
        _OTHER_CHECK,
        "nested_guest_cr0_valid",
        "nested_guest_cr4_valid",
        "vmx_is_valid_debugctl",
        "vmx_get_supported_debugctl",
        "kvm_pat_valid",
        "nested_vmx_check_vmcs_link_ptr",
        "kvm_valid_perf_global_ctrl",
        "__canonical_address",
        "is_valid_cet_state",
        "nested_check_guest_non_reg_state",
        "vmx_guest_state_valid",
    ),
    *common.each(
        _OTHER_STATE,
        "prepare_vmcs02_rare",
        functions.KVM_SET_DR,
        "vmx_guest_debugctl_write",
        functions.VMCS_WRITE_CET_STATE,
        functions.VMX_SET_RFLAGS,
        "vmx_update_exception_bitmap",
        functions.KVM_CALC_NESTED_TSC_OFFSET,
        "kvm_calc_nested_tsc_multiplier",
        functions.NESTED_VMX_TRANSITION_TLB_FLUSH,
        "nested_ept_init_mmu_context",
        "__kvm_set_msr",
        functions.KVM_SET_MSR,
        functions.INNER_KVM_EMULATE_MSR_WRITE,
        functions.KVM_MSR_WRITE,
        "kvm_emulate_msr_write",
        "vmx_get_l2_tsc_offset",
        "vmx_get_l2_tsc_multiplier",
    ),
    LOAD_CR3,
    Cut(function=functions.TRACE_KVM_NESTED_VMENTER_FAILED, reason="tells a tracer, which changes nothing"),
)
"""What entering L2 calls besides, for Intel."""

ALLOCATE = Cut(function="svm_allocate_nested", reason="allocates what L2 needs, for which there is memory")
SVM: tuple[Cut, ...] = (
    *_COMMON,
    *_SET,
    *common.each("frees memory that L2 needs", "svm_vcpu_free_msrpm", "__free_pages", "free_page", "__free_page"),
    ALLOCATE,
    *common.each(
        _VMCB,
        "svm_set_intercept",
        "svm_clr_intercept",
        "set_exception_intercept",
        "clr_exception_intercept",
        "nested_vmcb02_compute_g_pat",
        "vmcb_set_gpat",
        "svm_copy_lbrs",
        "svm_set_gif",
        "svm_flush_tlb_current",
        "svm_flush_tlb_all",
        "svm_update_lbrv",
    ),
    *common.each(
        _OTHER_STATE,
        functions.KVM_SET_RFLAGS,
        functions.SVM_PMU_HANDLE_NESTED_TRANSITION,
        "__svm_pmu_handle_nested_transition",
    ),
    *common.each(
        "has a part in leaving L2, which loads no register",
        "nested_svm_uninit_mmu_context",
        functions.KVM_APICV_ACTIVATED,
        "kvm_clear_request",
    ),
    *common.each("reads a feature or the host's own registers: any answer", functions.CR4_READ_SHADOW),
    Cut(function=functions.TRACE_KVM_NESTED_VMENTER_FAILED, reason="tells a tracer, which changes nothing"),
)
"""For AMD."""
