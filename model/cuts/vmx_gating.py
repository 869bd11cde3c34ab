"""The calls that are not followed on the way of MBEC from the processor to L2.

Most belong to other features whose code shares a function with that of MBEC.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts.common import ELSEWHERE, GATING, each
from mmuproof.model.named import functions

READ_MSR = Cut(
    function=functions.NATIVE_READ_MSR,
    reason="a capability MSR of the processor: any value, the same each time",
    repeatable=True,
)
READ_MSR_SAFE = Cut(
    function="native_read_msr_safe", reason="IA32_VMX_EPT_VPID_CAP of the processor: any value", writes=((1, "*"),)
)
SHADOW_EPT = Cut(
    function=functions.KVM_INIT_SHADOW_EPT_MMU,
    reason="sets the MMU up; what it is told is the result here",
    watched=True,
)
SET_EPT_MASKS = Cut(
    function=functions.KVM_MMU_SET_EPT_MASKS, reason="sets the masks of EPT up; what it is told is the result here"
)

CUTS: tuple[Cut, ...] = (
    *GATING,
    READ_MSR,
    READ_MSR_SAFE,
    SHADOW_EPT,
    SET_EPT_MASKS,
    Cut(function="alloc_kvm_area", reason="allocates memory for each CPU's VMXON region, or fails"),
    Cut(
        function="native_cpuid",
        reason="numbers that the host's CPUID gives: any values",
        writes=((0, "*"), (1, "*"), (2, "*"), (3, "*")),
    ),
    Cut(function="store_idt", reason="where the host's interrupt descriptor table is", writes=((0, "*"),)),
    Cut(function=functions.SET_BIT, reason="marks the host's VPID as used", writes=((1, "*"),)),
    *each(
        ELSEWHERE,
        "vmx_setup_user_return_msrs",
        functions.VMX_SETUP_ME_SPTE_MASK,
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
        function=functions.NESTED_VMX_SETUP_CTLS_MSRS,
        reason="sets up what L1 is offered, from settings that are final by then",
    ),
    Cut(
        function="nested_vmx_hardware_setup",
        reason="sets up what L1 is offered, from settings that are final by then; may fail",
    ),
    *each(
        "a field of the VMCS; the controls are noted beside it, and that note is the result here",
        functions.VMCS_WRITE16,
        functions.VMCS_WRITE32,
        functions.VMCS_WRITE64,
        functions.VMCS_WRITEL,
    ),
    *each(
        "another check of VM entry: any outcome",
        "nested_vmx_check_io_bitmap_controls",
        "nested_vmx_check_msr_bitmap_controls",
        "nested_vmx_check_tpr_shadow_controls",
        "nested_vmx_check_apic_access_controls",
        "nested_vmx_check_apicv_controls",
        "nested_vmx_check_nmi_controls",
        "nested_vmx_check_pml_controls",
        "nested_vmx_check_unrestricted_guest_controls",
        "nested_vmx_check_shadow_vmcs_controls",
        functions.NESTED_VMX_CHECK_EPTP,
        "valid_ept_address",
        "nested_vmx_check_vmfunc_controls",
        "page_address_valid",
    ),
    Cut(function=functions.TRACE_KVM_NESTED_VMENTER_FAILED, reason="tells a tracer, which changes nothing"),
)
