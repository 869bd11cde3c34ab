"""Paging-structure entries as data: which bits the processor uses, ignores, or wants to be zero.

This module holds the vocabulary and the functions over it.  The tables are in `ept_layout`, `paging_layout`
and `npt_layout`.  Everything here speaks of entries that are present: the processor looks at no other bit of
an ordinary entry that is not present, and at no other bit but 63 of an EPT entry that is not present.
"""

from __future__ import annotations

import enum
from collections.abc import Set
from dataclasses import dataclass
from typing import NamedTuple

SMALLEST_PHYSICAL_ADDRESS_WIDTH = 32
LARGEST_PHYSICAL_ADDRESS_WIDTH = 52


class Control(enum.Enum):
    """A control or a capability that decides what the processor makes of some bits of an entry."""

    EPT_ACCESSED_DIRTY = "EPTP bit 6: accessed and dirty flags for EPT"
    MODE_BASED_EXECUTE = "VM-execution control: mode-based execute control for EPT"
    GUEST_PAGING_VERIFICATION = "VM-execution control: guest-paging verification"
    PAGING_WRITE = "VM-execution control: EPT paging-write control"
    SUPERVISOR_SHADOW_STACK = "EPTP bit 7: supervisor shadow-stack control"
    SUB_PAGE_WRITE = "VM-execution control: sub-page write permissions for EPT"
    EPT_VIOLATION_VE = "VM-execution control: EPT-violation #VE"
    PAGES_2M = "capability: an entry of level 2 can map a page"
    PAGES_1G = "capability: an entry of level 3 can map a page"
    NO_EXECUTE = "EFER.NXE"
    PROTECTION_KEYS = "CR4.PKE or CR4.PKS"
    GLOBAL_PAGES = "CR4.PGE"
    PAGE_SIZE_EXTENSIONS = "CR4.PSE"
    PSE_36 = "capability: 4-MByte pages above 4 GByte in 32-bit paging"


class Use(enum.Enum):
    """What the processor makes of a bit in a present entry."""

    DEFINED = "has a meaning"
    ADDRESS = "is part of a physical address, and reserved from the physical-address width on"
    IGNORED = "can have any value"
    RESERVED = "has to be 0"


class EntryShape(NamedTuple):
    """A kind of entry: the level (1 is the lowest) and whether the entry maps a page."""

    level: int
    maps_page: bool


@dataclass(frozen=True, kw_only=True)
class EntryField:
    """Neighbouring bits that mean one thing in entries of some shapes.

    Attributes:
        name: short name; unique among the fields of one shape, except for ignored and reserved bits.
        low: lowest bit.
        high: highest bit, included.
        use: what the bits are for if the processor uses them.
        meaning: what they say.
        source: manual and section.
        shapes: the entries that have the field.
        needs: the control that makes the processor use the bits; None if it always does.
        otherwise: what the bits are if that control is missing.
        address_bit: for `Use.ADDRESS`, the bit of the physical address that ``low`` holds.
    """

    name: str
    low: int
    high: int
    use: Use
    meaning: str
    source: str
    shapes: frozenset[EntryShape]
    needs: Control | None
    otherwise: Use
    address_bit: int

    @property
    def mask(self) -> int:
        """The bits of the field in their places."""
        return _span(self.low, self.high)

    def use_under(self, controls: Set[Control]) -> Use:
        """What the bits are under ``controls``."""
        return self.use if self.needs is None or self.needs in controls else self.otherwise


@dataclass(frozen=True)
class EntryKind:
    """One column of a format: a shape and what the manuals call it.

    Attributes:
        shape: level and whether it maps a page.
        name: the manuals' name.
        needs: the control without which no entry is of this kind; None if there is none.
    """

    shape: EntryShape
    name: str
    needs: Control | None = None


@dataclass(frozen=True)
class EntryFormat:
    """All entries of one paging mode.

    Attributes:
        name: what the manuals call the mode.
        width: bits of an entry, 32 or 64.
        kinds: the entries it has.
        fields: their fields; those of one kind cover its ``width`` bits once.
    """

    name: str
    width: int
    kinds: tuple[EntryKind, ...]
    fields: tuple[EntryField, ...]


def defined_bits(
    entry_format: EntryFormat, level: int, maps_page: bool, controls: Set[Control], *, max_physical_address: int
) -> int:
    """The bits the processor gives a meaning, address bits below the physical-address width among them.

    Args:
        entry_format: the paging mode.
        level: 1 for the lowest level.
        maps_page: whether the entry maps a page; above level 1 that is what its page-size bit says.
        controls: the controls that are on and the capabilities the processor has.
        max_physical_address: physical-address width in bits (MAXPHYADDR), 32 to 52.

    Raises:
        ValueError: the format has no such entry under these controls, or the width is out of range.
    """
    return _bits(entry_format, EntryShape(level, maps_page), controls, max_physical_address)[Use.DEFINED]


def ignored_bits(
    entry_format: EntryFormat, level: int, maps_page: bool, controls: Set[Control], *, max_physical_address: int
) -> int:
    """The bits software can use as it likes; arguments and errors as for `defined_bits`."""
    return _bits(entry_format, EntryShape(level, maps_page), controls, max_physical_address)[Use.IGNORED]


def reserved_bits(
    entry_format: EntryFormat, level: int, maps_page: bool, controls: Set[Control], *, max_physical_address: int
) -> int:
    """The bits that have to be 0 in a present entry; arguments and errors as for `defined_bits`."""
    return _bits(entry_format, EntryShape(level, maps_page), controls, max_physical_address)[Use.RESERVED]


def field_named(entry_format: EntryFormat, level: int, maps_page: bool, name: str) -> EntryField:
    """The field of that name in entries of that shape.

    Raises:
        KeyError: these entries have no such field, or the name stands for several.
    """
    shape = EntryShape(level, maps_page)
    found = [field for field in entry_format.fields if field.name == name and shape in field.shapes]
    if len(found) != 1:
        raise KeyError(f"{len(found)} fields {name!r} in {entry_format.name}, level {level}")
    return found[0]


def fields_of(entry_format: EntryFormat, level: int, maps_page: bool) -> tuple[EntryField, ...]:
    """The fields of entries of that shape, from the highest bits to the lowest; they cover the entry once.

    Raises:
        ValueError: the format has no such entry.
    """
    shape = EntryShape(level, maps_page)
    found = [field for field in entry_format.fields if shape in field.shapes]
    if not found:
        raise ValueError(f"{entry_format.name} has no entry {shape}")
    return tuple(sorted(found, key=lambda field: -field.low))


def _span(low: int, high: int) -> int:
    return (1 << (high + 1)) - (1 << low)


def _bits(
    entry_format: EntryFormat, shape: EntryShape, controls: Set[Control], max_physical_address: int
) -> dict[Use, int]:
    kind = next((kind for kind in entry_format.kinds if kind.shape == shape), None)
    if kind is None:
        raise ValueError(f"{entry_format.name} has no entry {shape}")
    if kind.needs is not None and kind.needs not in controls:
        raise ValueError(f"{kind.name} exists only with {kind.needs.value}")
    if not SMALLEST_PHYSICAL_ADDRESS_WIDTH <= max_physical_address <= LARGEST_PHYSICAL_ADDRESS_WIDTH:
        raise ValueError(f"no physical-address width: {max_physical_address}")
    bits = {Use.DEFINED: 0, Use.IGNORED: 0, Use.RESERVED: 0}
    for field in entry_format.fields:
        if shape not in field.shapes:
            continue
        use = field.use_under(controls)
        if use is Use.ADDRESS:
            width = field.high - field.low + 1
            usable = min(max(max_physical_address - field.address_bit, 0), width)
            address = _span(field.low, field.low + usable - 1)
            bits[Use.DEFINED] |= address
            bits[Use.RESERVED] |= field.mask & ~address
        else:
            bits[use] |= field.mask
    return bits
