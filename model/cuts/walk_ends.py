"""The calls that a walk of guest tables makes and that are not followed."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import nested
from mmuproof.model.named import kvm_mmu

ROOT, READ_ENTRY, PERMISSION_FAULT, PSE36 = nested.ROOT, nested.READ_ENTRY, nested.PERMISSION_FAULT, nested.PSE36
IS_VISIBLE, HAS_NO_PLACE, UPDATES_FLAGS = nested.IS_VISIBLE, nested.HAS_NO_PLACE, nested.UPDATES_FLAGS
FIND_SLOT, PLACE_IN_SLOT, PLACE_OF_FRAME = nested.FIND_SLOT, nested.PLACE_IN_SLOT, nested.PLACE_OF_FRAME
GET_PDPTR = tuple(
    Cut(function=f"{part}get_pdptr", reason="a PDPTE of the guest, any value")
    for part in ("", *(f"{place}." for place in kvm_mmu.WALKED_BY))
)
_WALK = (
    *nested.CUTS,
    Cut(function="ept_is_rsvd_bits_set", reason=nested.ANY_ENTRY),
    Cut(function=f"ept{UPDATES_FLAGS}", reason=nested.FLAGS, result_mask=1 << 31),
)
# These walks are of any guest's tables.
CUTS: tuple[Cut, ...] = (*(replace(cut, reason=cut.reason.replace("L2's", "the guest's")) for cut in _WALK), *GET_PDPTR)
