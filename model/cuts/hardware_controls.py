"""The calls that computing what VMCS and VMCB are told makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_vcpu, vmcb_fields

VMX: tuple[Cut, ...] = (
    *common.CUTS,
    Cut(function=functions.ARCH_STATIC_BRANCH, reason="whether a static key is on: any answer; inline assembly"),
    Cut(function=functions.ARCH_STATIC_BRANCH_JUMP, reason="whether a static key is on: any answer; inline assembly"),
    Cut(
        function=functions.KVM_VCPU_APICV_ACTIVE,
        reason="whether the vCPU's APIC is virtualized: any answer; reads only",
    ),
    Cut(
        function="cpu_need_virtualize_apic_accesses",
        reason="whether the vCPU's APIC is accessed by memory: any answer; reads only",
    ),
)
"""For the secondary controls of a VMCS."""

SVM: tuple[Cut, ...] = (
    *common.CUTS,
    Cut(function=functions.ARCH_STATIC_BRANCH, reason="whether a static key is on: any answer; inline assembly"),
    Cut(function=functions.ARCH_STATIC_BRANCH_JUMP, reason="whether a static key is on: any answer; inline assembly"),
    Cut(function="vmcb_set_intercept", reason="sets an intercept", writes=((0, vmcb_fields.INTERCEPTS),)),
    Cut(function="vmcb_clr_intercept", reason="clears an intercept", writes=((0, vmcb_fields.INTERCEPTS),)),
    Cut(
        function=functions.NESTED_VMCB02_RECALC_INTERCEPTS,
        reason="computes the intercepts of vmcb02; writes nothing of vmcb01",
    ),
    Cut(function=functions.INNER_PHYS_ADDR_NODEBUG, reason="the physical address of kernel memory; reads only"),
    Cut(
        function="irqchip_in_kernel",
        reason="whether KVM emulates the interrupt controller: any answer; inline assembly",
    ),
    Cut(function="avic_init_vmcb", reason="sets the VMCB up for AVIC, which GMET does not depend on"),
    Cut(
        function="sev_init_vmcb", reason="sets the VMCB up for an encrypted guest; of misc_ctl it sets SEV's bits only"
    ),
    Cut(function=functions.KVM_MAKE_REQUEST, reason="notes a request to the vCPU"),
    Cut(function=functions.ARCH_SET_BIT, reason="notes a request to the vCPU"),
    Cut(function=functions.SET_BIT, reason="notes a request to the vCPU"),
)
"""For the VMCB of a vCPU."""

VMCS_WRITE = Cut(
    function=functions.VMCS_WRITE64, reason="a field of the VMCS; what is written to EPTP is the result here"
)
DUMMY_ROOT = Cut(
    function=functions.KVM_MMU_IS_DUMMY_ROOT,
    reason="whether a root is the page of zeros: any answer, the same each time",
)
ROOT_TO_SP = Cut(
    function=functions.ROOT_TO_SP,
    reason="finds the page of SPTEs that is the root, none for the page of zeros; reads only",
)
LOAD_EPT: tuple[Cut, ...] = (
    *common.CUTS,
    VMCS_WRITE,
    *common.each("a field of the VMCS that is no EPTP", functions.VMCS_WRITEL, functions.VMCS_WRITE32),
    Cut(function=functions.HV_TRACK_ROOT_TDP, reason="notes the root for Hyper-V, under which KVM does not run"),
    Cut(function=functions.VMX_EPT_LOAD_PDPTRS, reason="writes the guest's PDPTEs to the VMCS; reads only besides"),
    Cut(
        function=functions.KVM_X86_CACHE_REG,
        reason="reads a register of the guest into the register cache, on which no EPTP depends",
        writes=((0, kvm_vcpu.CR0), (0, kvm_vcpu.CR3), (0, kvm_vcpu.CR4)),
    ),
)
"""For EPTP."""

REGISTER_DIRTY = Cut(
    function=functions.KVM_REGISTER_IS_DIRTY,
    reason="whether a register has another value than is loaded: any answer; reads only",
)
LOAD_NPT: tuple[Cut, ...] = (
    *common.CUTS,
    Cut(function=functions.HV_TRACK_ROOT_TDP, reason="notes the root for Hyper-V, under which KVM does not run"),
    Cut(
        function=functions.KVM_X86_CACHE_REG,
        reason="reads a register of the guest into the register cache; any value",
        writes=((0, kvm_vcpu.CR0), (0, kvm_vcpu.CR3), (0, kvm_vcpu.CR4)),
    ),
)
"""For the CR3s of a VMCB."""

ENTRY_FLAGS: tuple[Cut, ...] = (
    *common.CUTS,
    Cut(
        function="msr_write_intercepted",
        reason="whether writes of an MSR are intercepted, on which clearing buffers does not depend; reads only",
    ),
)
"""For what is done at a VM entry."""

COHERENCE, CR0_BITS, MTRR_TYPE = (
    Cut(function="kvm_arch_has_noncoherent_dma", reason="whether a device reads memory past the caches: any answer"),
    Cut(function="kvm_read_cr0_bits", reason="whether the guest has turned its caches off: any answer"),
    Cut(function="kvm_mtrr_get_guest_memory_type", reason="the type of the guest's MTRRs: any", result_mask=7),
)
MEMORY_TYPE: tuple[Cut, ...] = (*common.CUTS, COHERENCE, CR0_BITS, MTRR_TYPE)
"""For the memory type of an entry of EPT."""
