"""The calls that telling a handler of a page fault makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common

_HANDLES = "handles the fault; what it is told of it is looked at"
HANDLERS = tuple(
    Cut(function=name, reason=_HANDLES, watched=True) for name in ("kvm_tdp_page_fault", "nonpaging_page_fault")
)
"""The handler of tables for two-dimensional paging, and one that is another."""
FIND_SLOT = (
    Cut(function="kvm_vcpu_gfn_to_memslot", reason="finds the memory slot of a frame; for which one is looked at"),
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    *HANDLERS,
    *FIND_SLOT,
    Cut(function="kvm_prepare_memory_fault_exit", reason="tells userspace, after the fault has been handled"),
    *common.each("prints, or says whether something is to be printed", "_printk", "___ratelimit"),
)
