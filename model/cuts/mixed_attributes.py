"""The calls of what notes mixed attributes that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, guest_tables
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page

_INFO = ("*", kvm_memory_slot.LPAGE_INFO)
HAS = Cut(
    function=functions.HUGEPAGE_HAS_ATTRS,
    reason="whether a huge page has just some attributes: slot.attributes-compared proves it; which is looked at",
)
CLEAR, NOTE = (
    Cut(
        function=f"hugepage_{name}_mixed",
        reason=f"{does} the note of a huge page, by slot.attributes-noted; of which is looked at",
        elsewhere=_INFO,
    )
    for name, does in (("clear", "takes away"), ("set", "makes"))
)
IS_MIXED = Cut(
    function="hugepage_test_mixed",
    reason="whether a huge page is noted as mixed, any answer: slot.attributes-noted; reads only",
)
WHOLE = Cut(
    function="kvm_range_has_memory_attributes",
    reason="whether all frames of a range have just some attributes, any answer; which are asked for is looked at",
)
OF_FRAME = Cut(function="kvm_get_memory_attributes", reason="the attributes of a frame, any; of which is looked at")
INVALIDATE = Cut(
    function=functions.KVM_MMU_INVALIDATE_RANGE_ADD,
    reason="adds a range to those in which faults begin anew, by fault.out-of-date; which is looked at",
    elsewhere=("*",),
)
UNMAP = Cut(
    function=functions.KVM_UNMAP_GFN_RANGE,
    reason="takes away what maps a range, by flush.range; of which is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT),
    watched=True,
)
CUTS: tuple[Cut, ...] = (*common.CUTS, HAS, CLEAR, NOTE, IS_MIXED, WHOLE, OF_FRAME, INVALIDATE, UNMAP)
COMPARES: tuple[Cut, ...] = (*common.CUTS, IS_MIXED, WHOLE, OF_FRAME)
"""For the comparison itself."""
NOTES: tuple[Cut, ...] = (*common.CUTS, guest_tables.INFO)
"""For the notes themselves."""
