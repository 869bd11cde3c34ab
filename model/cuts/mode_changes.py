"""The calls of entering system-management mode, and of another CPUID, that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_vcpu

_BESIDE = ("*", kvm_vcpu.STRUCT, kvm_vcpu.CPUID_ENTRY, kvm_vcpu.LAPIC)
RESET = Cut(
    function=functions.KVM_MMU_RESET_CONTEXT,
    reason="sets the MMUs up anew, by role.* and setup.consistent; when, and what the vCPU is in then, is looked at",
    elsewhere=_BESIDE,
    watched=True,
)
ASKS = common.each("asks the vCPU to do something later", functions.KVM_MAKE_REQUEST, functions.INNER_KVM_MAKE_REQUEST)
CHANGES: tuple[Cut, ...] = (*common.CUTS, RESET, *ASKS, *common.each("lets somebody watch", "trace_kvm_smm_transition"))
_LOADS = "gives a register to the vendor's code, by role.registers and flush.registers; which value is looked at"
CR0, CR4, EFER = (
    Cut(function=f"kvm_x86_set_{name}", reason=_LOADS, elsewhere=_BESIDE) for name in ("cr0", "cr4", "efer")
)
CHANGED = Cut(
    function=functions.KVM_SMM_CHANGED,
    reason="notes that the mode has begun, by role.smm; that it is called is looked at",
    elsewhere=_BESIDE,
)
LONG_MODE = tuple(
    Cut(function=name, reason="whether the vCPU has a feature: any answer")
    for name in (functions.GUEST_CPU_CAP_HAS, functions.GUEST_CPUID_HAS)
)
DEAD = Cut(function="kvm_vm_dead", reason="ends the VM; when is looked at", elsewhere=_BESIDE)
_STATE = "saves or loads what is no control register; it may fail"
ENTERS: tuple[Cut, ...] = (
    *common.CUTS,
    RESET,
    *ASKS,
    CR0,
    CR4,
    EFER,
    CHANGED,
    *LONG_MODE,
    DEAD,
    *(
        Cut(function=name, reason=_STATE, elsewhere=_BESIDE)
        for name in (
            "enter_smm_save_state_64",
            "enter_smm_save_state_32",
            "kvm_vcpu_write_guest",
            functions.KVM_SET_SEGMENT,
            functions.KVM_SET_DR,
            "kvm_rip_write",
            functions.KVM_SET_RFLAGS,
            functions.KVM_UPDATE_CPUID_RUNTIME,
            "kvm_x86_enter_smm",
            "kvm_x86_get_nmi_mask",
            "kvm_x86_set_nmi_mask",
            "kvm_x86_set_interrupt_shadow",
            functions.KVM_X86_SET_IDT,
        )
    ),
)
WIDTH = Cut(function="cpuid_query_maxphyaddr", reason="how many bits an address has by a CPUID: any answer")
VENDOR = Cut(
    function="kvm_x86_vcpu_after_set_cpuid",
    reason="what one vendor takes from CPUID, such as a bit of encryption that is not reserved; when is looked at",
    elsewhere=_BESIDE,
)
TELL = Cut(
    function=functions.KVM_MMU_AFTER_SET_CPUID,
    reason="tells the MMUs, by setup.consistent; what the vCPU has then is looked at",
    elsewhere=_BESIDE,
    watched=True,
)
SETS: tuple[Cut, ...] = (
    *common.CUTS,
    *ASKS,
    WIDTH,
    VENDOR,
    TELL,
    *(
        Cut(function=name, reason="looks into CPUID, or keeps something that is none of an MMU's", elsewhere=_BESIDE)
        for name in (
            "kvm_find_cpuid_entry",
            "kvm_find_cpuid_entry_index",
            "cpuid_func_emulated",
            "cpuid_get_reg_unsafe",
            "cpuid_entry_has",
            functions.KVM_UPDATE_CPUID_RUNTIME,
            "kvm_update_pv_runtime",
            "kvm_apic_set_version",
            "cpuid_get_supported_xcr0",
            "cpuid_get_supported_xss",
            "kvm_apply_cpuid_pv_features_quirk",
            "guest_cpuid_is_amd_or_hygon",
            "guest_cpuid_is_amd_compatible",
            "kvm_pmu_refresh",
            "kvm_hv_set_cpuid",
            "kvm_cpuid_has_hyperv",
            "guest_cpu_cap_change",
            functions.GUEST_CPU_CAP_HAS,
            functions.GUEST_CPUID_HAS,
            functions.KVM_CPU_CAP_HAS,
            "kvm_governed_feature_set",
            "kvm_governed_feature_check_and_set",
            "governed_feature_is_x",
        )
    ),
)
