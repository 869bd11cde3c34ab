"""Where a described guest is itself, so that its description can keep out of the way.

All of it is in the first four MBytes, which are mapped to themselves with all rights, at every stage.
"""

from __future__ import annotations

OWN_SIZE = 4 << 20
"""What a guest needs for itself; descriptions may change the lowest entries for it, and none above these."""
PROGRAMS, USER_PROGRAMS = 0x40000, 0x50000
"""The pages with the instructions that make the accesses of CPL 0, and of CPL 3."""
TABLES, NESTED_TABLES = 0x100000, 0x200000
"""Where tables are put that a description gives no place: the guest's, and L1's for it."""
PAGE = 0x1000
FILL = 0xCC
"""INT3: what stands in pages that accesses reach, so that a fetch ends there."""


def marker(frame: int) -> int:
    """The eight bytes that fill a page: INT3, and the page's number."""
    return (frame >> 12) << 8 | FILL
