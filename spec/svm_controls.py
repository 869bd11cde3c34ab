"""The controls of SVM that decide about guest mode execute trap (APM 15.25.3, 15.25.13, appendix B).

A control word is the one at offset 090h of a VMCB, a vector of 64 bits.
"""

from __future__ import annotations

from mmuproof.smt.terms import BitVec, Bool, all_of, bit

NESTED_PAGING_BIT = 0
GMET_BIT = 3
OTHER_FEATURES = 0xFFFF_FFFF_FFFF_FFFF & ~(1 << NESTED_PAGING_BIT | 1 << GMET_BIT)
"""What else the word turns on, such as encryption of memory, or does not define."""


def nested_paging(control: BitVec) -> Bool:
    """Whether the guest runs with nested paging.  Source: APM 15.25.3."""
    return bit(control, NESTED_PAGING_BIT)


def guest_mode_execute_trap(control: BitVec, *, supported: Bool) -> Bool:
    """Whether guest mode execute trap is in force: a processor without it ignores the bit.

    It is part of nested paging; without that, the bit means nothing.  Source: APM 15.25.13.

    Args:
        control: offset 090h of the VMCB.
        supported: CPUID function 8000_000Ah, EDX bit 17.
    """
    return all_of(supported, nested_paging(control), bit(control, GMET_BIT))
