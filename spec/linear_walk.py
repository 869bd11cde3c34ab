"""Which entries of a guest's page tables translate an address, and to what (SDM 5.3 to 5.5, 31.3.2; APM 5.2, 5.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, bv, extract, ite, negate, zext
from mmuproof.spec.entry_layout import Control, EntryFormat, EntryShape, Use
from mmuproof.spec.reserved import maps_page

_PAGE_BITS, _ADDRESS_BITS = 12, 64
_INDEX_BITS: Mapping[int, int] = MappingProxyType({64: 9, 32: 10})
"""How many address bits choose an entry of a table, by the width of its entries."""


def entries_used(
    entry_format: EntryFormat, entries: Sequence[BitVec], controls: Mapping[Control, Bool]
) -> tuple[Bool, ...]:
    """For each entry that a walk can read, whether it is one of those that translate the address.

    The walk is one that comes to its end: every entry used is present, and has no reserved bit.

    Args:
        entry_format: the paging mode.
        entries: from the root's table down to the PTE.  The PDPTEs of PAE paging, which grant no rights of their
            own, are left out.
        controls: whether each control is on that decides about large pages.

    Raises:
        ValueError: the format has no such levels.
        KeyError: ``controls`` lacks one that decides.
    """
    used: list[Bool] = []
    goes_on = TRUE
    for level, entry in zip(range(len(entries), 0, -1), entries, strict=True):
        used.append(goes_on)
        goes_on = all_of(goes_on, negate(maps_page(entry_format, entry, level, controls)))
    return tuple(used)


def index_in_table(entry_format: EntryFormat, level: int, address: BitVec) -> BitVec:
    """Which entry of a table of a level translates an address of 64 bits; a table has 4 KBytes (64 bits).

    Source: SDM 5.3 to 5.5, 31.3.2; APM 5.2, 5.3.
    """
    per_level = _INDEX_BITS[entry_format.width]
    low = _PAGE_BITS + per_level * (level - 1)
    return zext(extract(address, low + per_level - 1, low), address.width)


def table_address(entry_format: EntryFormat, entry: BitVec, level: int) -> BitVec:
    """The address of the table that an entry of a level points to (64 bits).

    Raises:
        ValueError: entries of this level point to no table.
    """
    return _address(entry_format, entry, EntryShape(level, False), {})


def translated_to(
    entry_format: EntryFormat, entry: BitVec, level: int, address: BitVec, controls: Mapping[Control, Bool]
) -> BitVec:
    """Where an address of 64 bits is according to an entry that maps a page: the page's address, and the offset in it.

    Args:
        entry_format: the paging mode.
        entry: as wide as the format says.
        level: of the table that it is in.
        address: what is translated.
        controls: whether PSE-36 is there, for 32-bit paging.

    Raises:
        ValueError: entries of this level map no page.
        KeyError: ``controls`` lacks one that decides.
    """
    page = _address(entry_format, entry, EntryShape(level, True), controls)
    size = _PAGE_BITS + _INDEX_BITS[entry_format.width] * (level - 1)
    return page | zext(extract(address, size - 1, 0), page.width)


def _address(entry_format: EntryFormat, entry: BitVec, shape: EntryShape, controls: Mapping[Control, Bool]) -> BitVec:
    """The physical address in an entry, whatever the physical-address width (64 bits)."""
    fields = [field for field in entry_format.fields if shape in field.shapes and field.use is Use.ADDRESS]
    if not fields:
        raise ValueError(f"{entry_format.name} has no entry {shape}")
    found = bv(0, _ADDRESS_BITS)
    for field in fields:
        part = zext(extract(entry, field.high, field.low), _ADDRESS_BITS) << field.address_bit
        found |= part if field.needs is None else ite(controls[field.needs], part, bv(0, _ADDRESS_BITS))
    return found
