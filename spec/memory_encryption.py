"""How memory encryption narrows physical addresses on AMD processors (APM 7.10).

With memory encryption enabled in SYSCFG, one bit of an entry's address (the C-bit) says whether the page is
encrypted, and the physical-address width is less than CPUID Fn8000_0008 reports.
"""

from __future__ import annotations

from mmuproof.smt.terms import BitVec, Bool, bv, ite, zext


def physical_address_width(reported: BitVec, reduced: BitVec, *, enabled: Bool) -> BitVec:
    """The width from which on address bits of an entry are reserved, if they are not the C-bit.

    Args:
        reported: the width by CPUID Fn8000_0008.
        reduced: that less the reduction by CPUID Fn8000_001F.
        enabled: memory encryption is enabled in SYSCFG.

    Source: APM 7.10.1.
    """
    return ite(enabled, reduced, reported)


def without_c_bit(reserved: BitVec, c_bit: BitVec, *, enabled: Bool) -> BitVec:
    """The reserved bits of an entry, among which the C-bit is not.

    Args:
        reserved: the bits that would have to be 0 without memory encryption, as wide as an entry.
        c_bit: the number of the C-bit by CPUID Fn8000_001F.
        enabled: memory encryption is enabled in SYSCFG.

    Source: APM 7.10.1.
    """
    mask = bv(1, reserved.width) << zext(c_bit, reserved.width)
    return ite(enabled, reserved & ~mask, reserved)
