"""The calls that the code for MMIO SPTEs makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.cuts import Cut
from mmuproof.model.cuts import common

MEMSLOTS = Cut("kvm_vcpu_memslots", "the memslots of the vCPU's address space, of which only the generation is read")
ZAP_ALL = Cut("kvm_mmu_zap_all_fast", "throws all shadow pages away; whether it is called is what is asked")

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    ZAP_ALL,
    Cut("trace_check_mmio_spte", "tells a tracer, which changes nothing"),
    Cut("___ratelimit", "whether a message may be printed again"),
    Cut("_printk", "prints"),
    Cut("get_current", "the task, whose name is printed"),
)
