"""The shape of page tables: how many levels, which part of an address each has, how large an entry is.

Source: SDM volume 3, 5.3 to 5.5.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mmuproof.live.descriptions.description import GuestPaging, SecondStage, TableEntry
from mmuproof.live.guests.paging import ALL, P

_PAGE_BITS = 12
_EPT_LINK = 0x407
"""R, W, X and XU."""


@dataclass(frozen=True, kw_only=True)
class TableGeometry:
    """The shape of tables.

    Args:
        levels: how many; the highest is the root.
        index_bits: of an address, that each level has.
        entry_size: in bytes.
        link: the bits of an entry that leads to a table, where nothing is said of it.
        address_bits: of the addresses that are translated.
    """

    levels: int
    index_bits: int
    entry_size: int
    link: int
    address_bits: int

    def shift(self, level: int) -> int:
        """How many bits an entry of a level leaves to what it leads to."""
        return _PAGE_BITS + self.index_bits * (level - 1)

    def index(self, level: int, address: int) -> int:
        """Which entry of its table an address has."""
        return address >> self.shift(level) & ((1 << self.index_bits) - 1)

    def link_bits(self, level: int) -> int:
        """The bits of a link of this level."""
        # Page-directory pointers of PAE paging have reserved bits where others have rights.
        return P if self.levels == 3 and level == 3 else self.link

    def frame_bits(self, to: int, level: int, large: bool) -> int:
        """How an entry names the page or table that it leads to."""
        if self.entry_size == 4 and level == 2 and large:
            # PSE-36: the bits from 32 on are in bits 13 and up.
            return to & 0xFFFFFFFF | to >> 32 << 13
        return to


def leads_on(entry: TableEntry, entries: Iterable[TableEntry], shape: TableGeometry) -> bool:
    """Whether others of these entries are in the tables below one."""
    shift = shape.shift(entry.level)
    return any(other.level < entry.level and other.of >> shift == entry.of >> shift for other in entries)


def geometry_of(paging: GuestPaging) -> TableGeometry:
    """The shape of a guest's own tables; it has to have some."""
    if paging is GuestPaging.BITS_32:
        return TableGeometry(levels=2, index_bits=10, entry_size=4, link=ALL, address_bits=32)
    if paging is GuestPaging.PAE:
        return TableGeometry(levels=3, index_bits=9, entry_size=8, link=ALL, address_bits=32)
    assert paging.levels
    return TableGeometry(levels=paging.levels, index_bits=9, entry_size=8, link=ALL, address_bits=64)


def nested_geometry(stage: SecondStage) -> TableGeometry:
    """The shape of the tables of an L1 with four levels of its own."""
    link = _EPT_LINK if stage is SecondStage.EPT else ALL
    return TableGeometry(levels=4, index_bits=9, entry_size=8, link=link, address_bits=48)
