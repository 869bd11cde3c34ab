"""The calls that are not followed on the way of GMET from the processor to L2.

Most belong to other features whose code shares a function with that of GMET.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts.common import ELSEWHERE, GATING, each
from mmuproof.model.named import vmcb_fields
from mmuproof.smt.terms import bv

SHADOW_NPT = Cut(function="kvm_init_shadow_npt_mmu", reason="sets the MMU up; what it is told is the result here")

CUTS: tuple[Cut, ...] = (
    *GATING,
    SHADOW_NPT,
    Cut(
        function="vmcb12_clr_intercept",
        reason="drops an intercept that L1 cannot have",
        writes=((0, vmcb_fields.INTERCEPTS),),
    ),
    Cut(function="kvm_initialize_cpu_caps", reason="fills the table of capabilities, of which any content is taken"),
    *each(
        ELSEWHERE,
        "kvm_setup_xss_caps",
        "sev_set_cpu_caps",
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
