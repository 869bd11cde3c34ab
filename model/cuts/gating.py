"""The calls that are not followed on the way of MBEC and GMET from the processor to L2.

Most belong to other features whose code shares a function with that of MBEC or GMET.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.smt.terms import bv

READ_MSR = Cut(
    function="native_read_msr",
    reason="a capability MSR of the processor: any value, the same each time",
    repeatable=True,
)
READ_MSR_SAFE = Cut(
    function="native_read_msr_safe", reason="IA32_VMX_EPT_VPID_CAP of the processor: any value", writes=((1, "*"),)
)
SHADOW_EPT = Cut(function="kvm_init_shadow_ept_mmu", reason="sets the MMU up; what it is told is the result here")
SET_EPT_MASKS = Cut(
    function="kvm_mmu_set_ept_masks", reason="sets the masks of EPT up; what it is told is the result here"
)
CONFIGURE_MMU = Cut(function="kvm_configure_mmu", reason="sets the MMU's settings; what it is told is the result here")
SHADOW_NPT = Cut(function="kvm_init_shadow_npt_mmu", reason="sets the MMU up; what it is told is the result here")

_PRINTS = "prints, or says whether something is to be printed"
_ELSEWHERE = "belongs to another feature, and neither reads nor writes what decides about MBEC or GMET"
_OTHER_CHECK = "another check of VM entry: any outcome"


def _each(reason: str, *functions: str) -> tuple[Cut, ...]:
    return tuple(Cut(function=function, reason=reason) for function in functions)


_VMX = (
    READ_MSR,
    READ_MSR_SAFE,
    SHADOW_EPT,
    SET_EPT_MASKS,
    CONFIGURE_MMU,
    Cut(function="alloc_kvm_area", reason="allocates memory for each CPU's VMXON region, or fails"),
    Cut(
        function="native_cpuid",
        reason="numbers that the host's CPUID gives: any values",
        writes=((0, "*"), (1, "*"), (2, "*"), (3, "*")),
    ),
    Cut(function="store_idt", reason="where the host's interrupt descriptor table is", writes=((0, "*"),)),
    Cut(function="set_bit", reason="marks the host's VPID as used", writes=((1, "*"),)),
    *_each(
        _ELSEWHERE,
        "vmx_setup_user_return_msrs",
        "vmx_setup_me_spte_mask",
        "kvm_enable_efer_bits",
        "nested_vmx_hardware_unsetup",
        "setup_default_sgx_lepubkeyhash",
        "vmx_set_cpu_caps",
        "kvm_set_posted_intr_wakeup_handler",
        "vmx_get_max_ept_level",
        "prepare_vmcs02_early_rare",
        "nested_vmx_calc_efer",
        "vmx_write_encls_bitmap",
    ),
    Cut(
        function="nested_vmx_calc_vmcs_enum_msr",
        reason="which fields a VMCS has, which no capability of EPT depends on",
    ),
    Cut(
        function="nested_vmx_setup_ctls_msrs", reason="sets up what L1 is offered, from settings that are final by then"
    ),
    Cut(
        function="nested_vmx_hardware_setup",
        reason="sets up what L1 is offered, from settings that are final by then; may fail",
    ),
    *_each(
        "a field of the VMCS; the controls are noted beside it, and that note is the result here",
        "vmcs_write16",
        "vmcs_write32",
        "vmcs_write64",
        "vmcs_writel",
    ),
    *_each(
        _OTHER_CHECK,
        "nested_vmx_check_io_bitmap_controls",
        "nested_vmx_check_msr_bitmap_controls",
        "nested_vmx_check_tpr_shadow_controls",
        "nested_vmx_check_apic_access_controls",
        "nested_vmx_check_apicv_controls",
        "nested_vmx_check_nmi_controls",
        "nested_vmx_check_pml_controls",
        "nested_vmx_check_unrestricted_guest_controls",
        "nested_vmx_check_shadow_vmcs_controls",
        "nested_vmx_check_eptp",
        "valid_ept_address",
        "nested_vmx_check_vmfunc_controls",
        "page_address_valid",
    ),
)

_SVM = (
    SHADOW_NPT,
    Cut(function="vmcb12_clr_intercept", reason="drops an intercept that L1 cannot have", writes=((0, "intercepts"),)),
    Cut(function="kvm_initialize_cpu_caps", reason="fills the table of capabilities, of which any content is taken"),
    *_each(
        _ELSEWHERE,
        "kvm_setup_xss_caps",
        "sev_set_cpu_caps",
        "kvm_cpu_cap_check_and_set",
        "kvm_add_user_return_msr",
        "nested_svm_init_msrpm_merge_offsets",
        "kvm_mmu_set_me_spte_mask",
        "svm_adjust_mmio_mask",
        "svm_alloc_permissions_map",
        "sev_hardware_setup",
        "svm_hv_hardware_setup",
        "avic_hardware_setup",
        "svm_cpu_init",
        "svm_hardware_unsetup",
        "get_npt_level",
        "__phys_addr_nodebug",
        "cpumask_next",
        "nested_svm_transition_tlb_flush",
        "enter_guest_mode",
        "svm_pmu_handle_nested_transition",
        "kvm_make_request",
        "kvm_calc_nested_tsc_offset",
        "nested_svm_update_tsc_ratio_msr",
        "nested_vmcb_needs_vls_intercept",
        "kvm_hv_hypercall_enabled",
    ),
    Cut(
        function="_find_next_bit",
        reason=(
            "the next CPU, of which there is none here: what is set up for each CPU changes no "
            "setting, and can only fail"
        ),
        gives=bv(-1, 64),
    ),
    Cut(function="svm_set_cpu_caps", reason="notes what guests may have; the settings are final by then"),
    Cut(function="kvm_finalize_cpu_caps", reason="checks what has been noted"),
    Cut(function="nested_vmcb02_recalc_intercepts", reason="merges intercepts, which are no part of the control word"),
)

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    *_VMX,
    *_SVM,
    *_each(_PRINTS, "_printk", "___ratelimit"),
    Cut(function="trace_kvm_nested_vmenter_failed", reason="tells a tracer, which changes nothing"),
)
