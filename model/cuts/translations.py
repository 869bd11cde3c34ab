"""The calls that translating an address makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import x86_exception
from mmuproof.model.walks import GpteFormat

WALKS = tuple(
    Cut(
        function=f"{each.value}_walk_addr_generic",
        reason="walks the guest's tables: any end, any frame and fault; what it is asked is looked at",
        writes=((0, ""),),
        # Where a walker points to what it says of a fault, that is what it leaves as well.
        elsewhere=("*", x86_exception.STRUCT),
    )
    for each in GpteFormat
)
CUTS: tuple[Cut, ...] = (*common.CUTS, *WALKS)
