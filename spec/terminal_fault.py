"""What a processor with the erratum L1TF makes of an entry that ends a walk with a fault.

Such an entry is not present or has a reserved bit.  The processor can still look for data in its level-1 data
cache at the physical address in the entry, and what it finds there reaches instructions that are never retired.
Nothing is found at an address that no cacheable memory has.
"""

from __future__ import annotations

from mmuproof.smt.terms import BitVec, Bool, any_of, bv, eq, ule, zext

_PAGE_OFFSET_BITS = 12
_HIGHEST_PART_BITS = 5


def looked_up(entry: BitVec, cache_address_width: BitVec) -> BitVec:
    """The address, 64 bits, of the page that is looked for: bits above the cache's addresses do not count.

    Args:
        entry: 64 bits.
        cache_address_width: how many address bits the cache uses, 12 to 63.

    Source: Intel, Deep Dive: Intel Analysis of L1 Terminal Fault.
    """
    one = bv(1, 64)
    below = (one << zext(cache_address_width, 64)) - 1
    return entry & below & ~((1 << _PAGE_OFFSET_BITS) - 1)


def finds_nothing(entry: BitVec, cache_address_width: BitVec) -> Bool:
    """Whether what is looked for is in no cacheable memory, or in the page at address 0.

    Operating systems put no cacheable memory into the highest 32nd of the addresses that the cache can tell apart,
    and nothing into the page at address 0.  Arguments as for `looked_up`.

    Source: as `looked_up`: mitigation by entries that refer to no cacheable memory.
    """
    address = looked_up(entry, cache_address_width)
    highest = bv((1 << _HIGHEST_PART_BITS) - 1, 64) << zext(cache_address_width - _HIGHEST_PART_BITS, 64)
    return any_of(eq(address, 0), ule(highest, address))
