"""The calls that the code for MMIO SPTEs makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

MEMSLOTS = Cut(
    function="kvm_vcpu_memslots",
    reason="the memslots of the vCPU's address space, of which only the generation is read",
)
ZAP_ALL = Cut(
    function=functions.KVM_MMU_ZAP_ALL_FAST,
    reason="throws all shadow pages away; whether it is called is what is asked",
)

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    ZAP_ALL,
    Cut(function="trace_check_mmio_spte", reason="tells a tracer, which changes nothing"),
    Cut(function=functions.INNER_RATELIMIT, reason="whether a message may be printed again"),
    Cut(function=functions.PRINTK, reason="prints"),
    Cut(function=functions.GET_CURRENT, reason="the task, whose name is printed"),
)
