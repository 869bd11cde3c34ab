"""TLB_CONTROL, the field of a VMCB by which VMRUN flushes TLBs (APM 15.16.1)."""

from __future__ import annotations

from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, eq

_ALL, _OF_GUEST = 1, 3


def flushes_guest(control: BitVec, *, by_asid: Bool) -> Bool:
    """Whether VMRUN forgets all that is cached with the guest's ASID.

    Args:
        control: the field (8).
        by_asid: the processor can flush one ASID, which CPUID tells; without, 3 is reserved.
    """
    return any_of(eq(control, _ALL), all_of(by_asid, eq(control, _OF_GUEST)))
