"""The calls that set-ups of MMUs make and that are not followed.

Questions for the guest's and the host's features have one answer each, however often they are asked.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

RESET_CONTEXT = Cut(
    function=functions.KVM_MMU_RESET_CONTEXT,
    reason="sets the MMU in use up again, once its role is invalid; the set-ups that are looked at begin with what "
    "there is at this call",
    watched=True,
)
REGISTER_CACHED = Cut(
    function=functions.KVM_REGISTER_IS_AVAILABLE,
    reason="whether the register cache holds a register, which it does here",
)
HOST_FEATURE = Cut(
    function=functions.VARIABLE_TEST_BIT, reason="whether the host has 1-GByte pages, the same each time it is asked"
)

CUTS: tuple[Cut, ...] = (
    *(cut for cut in common.CUTS if cut.function != HOST_FEATURE.function),
    Cut(
        function=functions.KVM_MMU_NEW_PGD,
        reason="finds or drops the root of the new tables; changes roots and requests, no role, handler or table",
    ),
    RESET_CONTEXT,
)
