"""Which entry of which table translates a page, and how many pages an entry translates.

Tables of EPT, of nested paging and of IA-32e paging alike: 512 entries at each level, level 1 the lowest.
Source: SDM 5.5.4 and 31.3.2, APM 5.3.
"""

from __future__ import annotations

from mmuproof.smt.terms import BitVec

ENTRIES = 512
_INDEX_BITS = 9


def pages(level: int) -> int:
    """How many pages of 4 KByte an entry of a level translates."""
    return 1 << (level - 1) * _INDEX_BITS


def number(frame: BitVec, level: int) -> BitVec:
    """The number of the entry that translates a page of 4 KByte, in the table of a level; as wide as the frame."""
    return (frame >> (level - 1) * _INDEX_BITS) & (ENTRIES - 1)


def page(frame: BitVec, level: int) -> BitVec:
    """The number of the page of a level around a frame, of all that begin at multiples of their size."""
    return frame >> (level - 1) * _INDEX_BITS


def first(frame: BitVec, level: int) -> BitVec:
    """The first page that the same entry of a level translates."""
    return frame & -pages(level)
