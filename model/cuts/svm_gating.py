"""The calls that are not followed on the way of GMET from the processor to L2.

Most belong to other features whose code shares a function with that of GMET.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts.common import ELSEWHERE, GATING, each
from mmuproof.model.named import functions, vmcb_fields
from mmuproof.smt.terms import bv

SHADOW_NPT = Cut(
    function=functions.KVM_INIT_SHADOW_NPT_MMU, reason="sets the MMU up; what it is told is the result here"
)

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
        functions.KVM_MMU_SET_ME_SPTE_MASK,
        functions.SVM_ADJUST_MMIO_MASK,
        "svm_alloc_permissions_map",
        "sev_hardware_setup",
        "svm_hv_hardware_setup",
        "avic_hardware_setup",
        "svm_cpu_init",
        "svm_hardware_unsetup",
        "get_npt_level",
        functions.INNER_PHYS_ADDR_NODEBUG,
        "cpumask_next",
        functions.NESTED_SVM_TRANSITION_TLB_FLUSH,
        "enter_guest_mode",
        functions.SVM_PMU_HANDLE_NESTED_TRANSITION,
        functions.KVM_MAKE_REQUEST,
        functions.KVM_CALC_NESTED_TSC_OFFSET,
        "nested_svm_update_tsc_ratio_msr",
        "nested_vmcb_needs_vls_intercept",
        "kvm_hv_hypercall_enabled",
    ),
    Cut(
        function=functions.FIND_NEXT_BIT,
        reason=(
            "the next CPU, of which there is none here: what is set up for each CPU changes no "
            "setting, and can only fail"
        ),
        gives=bv(-1, 64),
    ),
    Cut(function=functions.SVM_SET_CPU_CAPS, reason="notes what guests may have; the settings are final by then"),
    Cut(function="kvm_finalize_cpu_caps", reason="checks what has been noted"),
    Cut(
        function=functions.NESTED_VMCB02_RECALC_INTERCEPTS,
        reason="merges intercepts, which are no part of the control word",
    ),
)
