"""EPTP, the field of a VMCS that says where the tables of EPT are and how they are walked (SDM 27.6.11).

64 bits: memory type (2:0), levels less one (5:3), accessed and dirty flags (6), the root's address (51:12).
"""

from __future__ import annotations

from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, eq, extract, ne, negate, ult, zext
from mmuproof.spec.vmx_controls import (
    ACCESSED_DIRTY_BIT,
    FIVE_LEVELS_BIT,
    FOUR_LEVELS_BIT,
    UNCACHEABLE_BIT,
    WRITE_BACK_BIT,
)

WRITE_BACK, UNCACHEABLE = 6, 0
ADDRESS_WIDTH = 52
_LEVELS_WIDTH, _PAGE_SHIFT = 4, 12
_ACCESSED_DIRTY_BIT = 6
# What none of the fields that are described here has: supervisor shadow-stack control (7), and reserved bits.
_OTHERS = 0xFFF00000_00000F80


def memory_type(pointer: BitVec) -> BitVec:
    """The memory type by which the processor accesses the tables (3)."""
    return extract(pointer, 2, 0)


def levels(pointer: BitVec) -> BitVec:
    """How many levels the tables have (4)."""
    return zext(extract(pointer, 5, 3), _LEVELS_WIDTH) + 1


def accessed_dirty(pointer: BitVec) -> Bool:
    """Whether the processor sets accessed and dirty flags in the tables."""
    return bit(pointer, _ACCESSED_DIRTY_BIT)


def root(pointer: BitVec) -> BitVec:
    """The address of the topmost table (64)."""
    return zext(extract(pointer, ADDRESS_WIDTH - 1, _PAGE_SHIFT), 64) << _PAGE_SHIFT


def has_other_bits(pointer: BitVec) -> Bool:
    """Whether bits are set that belong to none of these."""
    return ne(pointer & _OTHERS, 0)


def is_table(address: BitVec) -> Bool:
    """Whether a table can be at an address: it is aligned to 4 KByte and not wider than any processor's."""
    return all_of(eq(extract(address, _PAGE_SHIFT - 1, 0), 0), ult(address, 1 << ADDRESS_WIDTH))


def enters(pointer: BitVec) -> Bool:
    """Whether VM entry accepts the type and the levels, on a processor that has all of them.  Source: SDM 29.2.1.1."""
    return all_of(
        any_of(eq(memory_type(pointer), WRITE_BACK), eq(memory_type(pointer), UNCACHEABLE)),
        any_of(eq(levels(pointer), 4), eq(levels(pointer), 5)),
        negate(has_other_bits(pointer)),
    )


def offered(pointer: BitVec, capabilities: BitVec) -> Bool:
    """Whether VM entry accepts the type, the levels, the flags and the low bits, on a processor of some capabilities.

    Args:
        pointer: EPTP.
        capabilities: the low half of IA32_VMX_EPT_VPID_CAP (32).

    Source: SDM 29.2.1.1, A.10.  That the address is not too wide is not looked at.
    """
    type_, depth = memory_type(pointer), levels(pointer)
    return all_of(
        any_of(
            all_of(eq(type_, UNCACHEABLE), bit(capabilities, UNCACHEABLE_BIT)),
            all_of(eq(type_, WRITE_BACK), bit(capabilities, WRITE_BACK_BIT)),
        ),
        any_of(
            all_of(eq(depth, 4), bit(capabilities, FOUR_LEVELS_BIT)),
            all_of(eq(depth, 5), bit(capabilities, FIVE_LEVELS_BIT)),
        ),
        any_of(negate(accessed_dirty(pointer)), bit(capabilities, ACCESSED_DIRTY_BIT)),
        eq(extract(pointer, _PAGE_SHIFT - 1, _ACCESSED_DIRTY_BIT + 1), 0),
    )
