"""The calls that set-ups of MMUs make and that are not followed.

Questions for the guest's and the host's features have one answer each, however often they are asked.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common

RESET_CONTEXT = Cut(
    function="kvm_mmu_reset_context",
    reason="sets the MMU in use up again, once its role is invalid; the set-ups that are looked at begin with what "
    "there is at this call",
    watched=True,
)
REGISTER_CACHED = Cut(
    function="kvm_register_is_available", reason="whether the register cache holds a register, which it does here"
)
HOST_FEATURE = Cut(
    function="variable_test_bit", reason="whether the host has 1-GByte pages, the same each time it is asked"
)

CUTS: tuple[Cut, ...] = (
    *(cut for cut in common.CUTS if cut.function != HOST_FEATURE.function),
    Cut(
        function="kvm_mmu_new_pgd",
        reason="finds or drops the root of the new tables; changes roots and requests, no role, handler or table",
    ),
    RESET_CONTEXT,
)
