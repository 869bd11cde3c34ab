"""The calls that computing the controls of VMCS and VMCB makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.cuts import Cut
from mmuproof.model.cuts import common

VMX: tuple[Cut, ...] = (
    *common.CUTS,
    Cut("arch_static_branch", "whether a static key is on: any answer; inline assembly"),
    Cut("arch_static_branch_jump", "whether a static key is on: any answer; inline assembly"),
    Cut("kvm_vcpu_apicv_active", "whether the vCPU's APIC is virtualized: any answer; reads only"),
    Cut("cpu_need_virtualize_apic_accesses", "whether the vCPU's APIC is accessed by memory: any answer; reads only"),
)
"""For the secondary controls of a VMCS."""

SVM: tuple[Cut, ...] = (
    *common.CUTS,
    Cut("arch_static_branch", "whether a static key is on: any answer; inline assembly"),
    Cut("arch_static_branch_jump", "whether a static key is on: any answer; inline assembly"),
    Cut("vmcb_set_intercept", "sets an intercept", writes=((0, "intercepts"),)),
    Cut("vmcb_clr_intercept", "clears an intercept", writes=((0, "intercepts"),)),
    Cut("nested_vmcb02_recalc_intercepts", "computes the intercepts of vmcb02; writes nothing of vmcb01"),
    Cut("__phys_addr_nodebug", "the physical address of kernel memory; reads only"),
    Cut("irqchip_in_kernel", "whether KVM emulates the interrupt controller: any answer; inline assembly"),
    Cut("avic_init_vmcb", "sets the VMCB up for AVIC, which GMET does not depend on"),
    Cut("sev_init_vmcb", "sets the VMCB up for an encrypted guest; of misc_ctl it sets SEV's bits only"),
    Cut("kvm_make_request", "notes a request to the vCPU"),
    Cut("arch_set_bit", "notes a request to the vCPU"),
    Cut("set_bit", "notes a request to the vCPU"),
)
"""For the VMCB of a vCPU."""
