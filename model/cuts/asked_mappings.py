"""The calls of mapping what somebody asks for ahead that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, faults
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, kvm_page_fault

_OTHERS = ("*", kvm_mmu_page.STRUCT, kvm_memory_slot.RMAP_HEAD)
WAITS: tuple[Cut, ...] = (
    *common.each("whether somebody waits, or has asked for an end: any answer", "signal_pending", "kvm_test_request"),
    Cut(function=functions.KVM_CHECK_REQUEST, reason="the same, and takes it for done", elsewhere=("*",)),
    *common.each("the process that runs", functions.GET_CURRENT),
    *common.each("lets others run", functions.FORMER_COND_RESCHED, functions.INNER_COND_RESCHED),
)
FAULT = Cut(
    function=functions.KVM_MMU_DO_PAGE_FAULT,
    reason="handles a fault that is made up, by fault.kind and fault.frame; which is looked at",
    writes=((5, "*"),),
    elsewhere=_OTHERS,
)
AHEAD: tuple[Cut, ...] = (*common.CUTS, *WAITS, FAULT)
MAP = Cut(
    function=functions.KVM_TDP_MMU_MAP,
    reason="maps the page of a fault, by loop.map and stored.*; of which is looked at",
    elsewhere=(*_OTHERS, kvm_page_fault.STRUCT),
    watched=True,
)
FIND, TRACKED = faults.FIND_SLOT[0], faults.TRACKED
PRIVATE: tuple[Cut, ...] = (
    *common.CUTS,
    *WAITS,
    MAP,
    FIND,
    *TRACKED,
    *common.READ_LOCK,
    *common.each("makes the root that the vCPU is to use", functions.KVM_MMU_RELOAD, functions.KVM_MMU_LOAD),
    *common.each("takes memory for tables", functions.MMU_TOPUP_MEMORY_CACHES),
)
