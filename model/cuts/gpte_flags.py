"""The calls of what sets flags in a guest's entries that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.tree.overlay import EXCHANGE_USER_CALL
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

EXCHANGE = Cut(
    function=EXCHANGE_USER_CALL,
    reason="exchanges an entry in the guest's memory, or fails, and tells what was there to nobody who goes on; which, "
    "against what and for what, is looked at",
)
MARK_DIRTY = Cut(
    function=functions.KVM_VCPU_MARK_PAGE_DIRTY,
    reason="notes that a frame was written; which is looked at",
    elsewhere=("*",),
)
LOG = tuple(
    Cut(function=name, reason="tells L1 of a page that L2 writes to, or fails", elsewhere=("*",))
    for name in ("write_log_dirty", "kvm_x86_nested_write_log_dirty")
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    EXCHANGE,
    MARK_DIRTY,
    *LOG,
    *common.each("a tracepoint; reads only", "trace_kvm_mmu_set_accessed_bit", "trace_kvm_mmu_set_dirty_bit"),
)
