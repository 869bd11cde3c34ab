"""The calls that translating an address makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.walks import GpteFormat

WALKS = tuple(
    Cut(
        function=f"{each.value}_walk_addr_generic",
        reason="walks the guest's tables: any end, any frame and fault; what it is asked is looked at",
        writes=((0, ""),),
        elsewhere=("*",),
    )
    for each in GpteFormat
)
CUTS: tuple[Cut, ...] = (*common.CUTS, *WALKS)
