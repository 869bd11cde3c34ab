"""The call of judging whether a fault can be fast that is not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

IS_PRIVATE = Cut(
    function=functions.KVM_MEM_IS_PRIVATE, reason="whether a frame is private memory: any answer; of which is looked at"
)
CUTS: tuple[Cut, ...] = (*common.CUTS, IS_PRIVATE)
