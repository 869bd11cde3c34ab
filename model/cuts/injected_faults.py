"""The calls that giving a page fault to a guest makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

FORGET = tuple(
    Cut(function=name, reason="forgets an address, by flush.address; which, and where, is looked at", elsewhere=("*",))
    for name in (functions.KVM_MMU_INVALIDATE_ADDR, "kvm_mmu_invalidate_gva")
)
TO_GUEST, TO_L1 = (
    Cut(function=name, reason=f"hands a fault to {who}; that it does, and which, is looked at", watched=True)
    for name, who in ((functions.KVM_INJECT_PAGE_FAULT, "whoever runs"), (functions.NESTED_EPT_INJECT_PAGE_FAULT, "L1"))
)
INJECTS: tuple[Cut, ...] = (*common.CUTS, *FORGET, TO_GUEST, TO_L1)
"""For a fault that a walk has left."""
QUEUE = Cut(
    function="kvm_queue_exception_e_p",
    reason="queues an exception with an error code; which is looked at",
    elsewhere=("*",),
)
EXIT = Cut(
    function="kvm_queue_exception_vmexit",
    reason="queues an exit of L2 for an exception; that it does is looked at",
    elsewhere=("*",),
)
WALK = Cut(
    function=functions.GVA_TO_GPA,
    reason="walks the guest's tables; where it finds no fault it leaves none, and that is looked at",
)
QUEUES: tuple[Cut, ...] = (*common.CUTS, QUEUE, EXIT)
"""For one of a guest's own tables."""
