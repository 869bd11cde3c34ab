"""The calls that choosing a level makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, guest_tables

SLOT_INFO = Cut(
    function="lpage_info_slot",
    reason="finds what a slot says of huge pages around a frame: any; of which slot, frame and level is looked at",
)
BACKING = tuple(
    Cut(function=name, reason="finds at which level the memory behind a frame is mapped: any; reads only")
    for name in ("host_pfn_mapping_level", "kvm_gmem_max_mapping_level")
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    SLOT_INFO,
    guest_tables.SPACE,
    *BACKING,
    *common.each("whether a slot has no memory of the host's: any answer; reads only", "kvm_memslot_is_gmem_only"),
    *common.each("whether a frame is private: any answer; reads only", "kvm_mem_is_private"),
)
INDEX = Cut(
    function="gfn_to_index",
    reason="which entry of an array is for a frame: any; what it is asked, and what is done with it, is looked at",
)
