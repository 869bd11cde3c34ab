"""The calls that choosing a level makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, guest_tables
from mmuproof.model.named import functions

SLOT_INFO = Cut(
    function=functions.LPAGE_INFO_SLOT,
    reason="finds what a slot says of huge pages around a frame: any; of which slot, frame and level is looked at",
)
BACKING = HOST, GUEST_MEMORY = tuple(
    Cut(
        function=name,
        reason="finds at which level the memory behind a frame is mapped, by slot.page-size: any; which is asked, and "
        "of which frame, is looked at",
    )
    for name in (functions.HOST_PFN_MAPPING_LEVEL, functions.KVM_GMEM_MAX_MAPPING_LEVEL)
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    SLOT_INFO,
    guest_tables.SPACE,
    *BACKING,
    *common.each("whether a frame is private: any answer; reads only", functions.KVM_MEM_IS_PRIVATE),
)
INDEX = Cut(
    function=functions.GFN_TO_INDEX,
    reason="which entry of an array is for a frame: any; what it is asked, and what is done with it, is looked at",
)
