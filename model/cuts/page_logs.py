"""The calls that deal with logs of pages and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions
from mmuproof.smt.terms import bv

READ, RESET, LOG = (
    Cut(function=name, reason=reason)
    for name, reason in (
        (functions.INNER_VMCS_READL, "reads a field of the VMCS, any value; of which field is looked at"),
        (functions.INNER_VMCS_WRITEL, "writes a field of the VMCS; which, and what, is looked at"),
        ("lowmem_page_address", "where the log is: entries of any value"),
    )
)
MARK = Cut(
    function=functions.KVM_VCPU_MARK_PAGE_DIRTY,
    reason="marks a frame as written to; which is looked at",
    elsewhere=("*",),
)
DRAINS: tuple[Cut, ...] = (
    *common.CUTS,
    *(READ, RESET, LOG),
    MARK,
    Cut(
        function=functions.ARCH_STATIC_BRANCH,
        gives=bv(0, 8),
        reason="KVM does not run under Hyper-V: the VMCS is one of the processor's",
    ),
)
"""For the processor's log."""
WRITE = Cut(
    function="kvm_write_guest_page",
    reason="writes to L1's memory, or fails; what and where is looked at",
    watched=True,
    elsewhere=("*",),
)
WRITES: tuple[Cut, ...] = (*common.CUTS, WRITE)
"""For L1's log."""
