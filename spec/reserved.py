"""Reserved bits of an entry under any setting at once.

`mmuproof.spec.entry_layout` gives the reserved bits for one setting as a number.  Here the controls are truth
values and the physical-address width is a bit-vector, so that one formula speaks of all settings.
"""

from __future__ import annotations

from collections.abc import Mapping

from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bit, bv, ite, ne, ule
from mmuproof.spec.entry_layout import (
    LARGEST_PHYSICAL_ADDRESS_WIDTH,
    SMALLEST_PHYSICAL_ADDRESS_WIDTH,
    Control,
    EntryField,
    EntryFormat,
    EntryShape,
    Use,
    field_named,
)


def plausible_width(max_physical_address: BitVec) -> Bool:
    """Whether a physical-address width is one that the architecture has: 32 to 52 bits."""
    low = bv(SMALLEST_PHYSICAL_ADDRESS_WIDTH, max_physical_address.width)
    return all_of(ule(low, max_physical_address), ule(max_physical_address, LARGEST_PHYSICAL_ADDRESS_WIDTH))


def maps_page(entry_format: EntryFormat, entry: BitVec, level: int, controls: Mapping[Control, Bool]) -> Bool:
    """Whether a present entry maps a page: the lowest level always, others by their page-size bit if they can.

    Where the level has pages of its own, but only under a control that is off, the page-size bit is not looked at
    or is reserved, as the format says.

    Raises:
        ValueError: the format has no such level.
        KeyError: ``controls`` lacks one that decides.
    """
    kinds = {kind.shape.maps_page: kind for kind in entry_format.kinds if kind.shape.level == level}
    if not kinds:
        raise ValueError(f"{entry_format.name} has no level {level}")
    if True not in kinds:
        return FALSE
    if False not in kinds:
        return TRUE
    needs = kinds[True].needs
    possible = TRUE if needs is None else controls[needs]
    return all_of(possible, bit(entry, field_named(entry_format, level, True, "page size").low))


def reserved_mask(
    entry_format: EntryFormat, shape: EntryShape, controls: Mapping[Control, Bool], max_physical_address: BitVec
) -> BitVec:
    """The bits that have to be 0 in a present entry, as wide as the entry.

    Args:
        entry_format: the paging mode.
        shape: level, and whether the entry maps a page.
        controls: whether each control is on; those by which no bit becomes reserved can be left out.
        max_physical_address: physical-address width in bits (MAXPHYADDR), taken to be 32 to 52.

    Raises:
        ValueError: the format has no such entry.
        KeyError: ``controls`` lacks one that decides.
    """
    fields = [field for field in entry_format.fields if shape in field.shapes]
    if not fields:
        raise ValueError(f"{entry_format.name} has no entry {shape}")
    mask = bv(0, entry_format.width)
    for field in fields:
        used = _reserved_as(field, field.use, max_physical_address, mask.width)
        unused = _reserved_as(field, field.otherwise, max_physical_address, mask.width)
        mask |= used if field.needs is None or used is unused else ite(controls[field.needs], used, unused)
    return mask


def reserved_bit_set(
    entry_format: EntryFormat, entry: BitVec, level: int, controls: Mapping[Control, Bool], max_physical_address: BitVec
) -> Bool:
    """Whether a present entry has a reserved bit set; arguments and errors as for `reserved_mask`."""

    def set_if(maps: bool) -> Bool:
        return ne(entry & reserved_mask(entry_format, EntryShape(level, maps), controls, max_physical_address), 0)

    page = maps_page(entry_format, entry, level, controls)
    return set_if(page is TRUE) if page.is_const else ite(page, set_if(True), set_if(False))


def _reserved_as(field: EntryField, use: Use, max_physical_address: BitVec, width: int) -> BitVec:
    """The bits of a field that are reserved if it is used in this way."""
    if use is Use.RESERVED:
        return bv(field.mask, width)
    mask = bv(0, width)
    if use is Use.ADDRESS:
        for place in range(field.low, field.high + 1):
            address_bit = place - field.low + field.address_bit
            if address_bit >= SMALLEST_PHYSICAL_ADDRESS_WIDTH:
                mask |= ite(ule(max_physical_address, address_bit), bv(1 << place, width), 0)
    return mask
