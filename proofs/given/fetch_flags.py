"""Whether hardware tells a faulting fetch from a read, and that KVM does otherwise."""

from __future__ import annotations

from mmuproof.model.reserved_bits import MmuRequest
from mmuproof.model.statement import Symptom
from mmuproof.proofs.claims import Wrong
from mmuproof.smt.terms import FALSE, TRUE, Bool, all_of, bit, negate
from mmuproof.spec import page_fault, paging_mode
from mmuproof.spec.access import INSTRUCTION_FETCH
from mmuproof.spec.paging import LinearAccess


def tells_fetches(registers: MmuRequest) -> Bool:
    """Whether the error code of a faulting fetch has I/D, by the registers of whoever owns the tables."""
    return page_fault.instruction_flag(
        LinearAccess(INSTRUCTION_FETCH, user_mode=TRUE, implicit=FALSE),
        smep=bit(registers.cr4, paging_mode.CR4_SMEP_BIT),
        physical_address_extension=bit(registers.cr4, paging_mode.CR4_PAE_BIT),
        no_execute_enabled=bit(registers.efer, paging_mode.EFER_NXE_BIT),
    )


def fetch_not_told(flag: Bool, told: Bool, *, fetches: Bool = TRUE) -> Symptom:
    """The flag of an access that fetches is clear, although hardware tells."""
    return Wrong(
        "fetch-not-told",
        all_of(fetches, negate(flag), told),
        "KVM reports a faulting fetch as a read, where hardware sets I/D.",
    ).told("I/D is 0", "SDM 5.7: I/D is set with CR4.SMEP, or CR4.PAE and EFER.NXE")


def fetch_told(flag: Bool, told: Bool, *, fetches: Bool = TRUE) -> Symptom:
    """The flag of an access that fetches is set, although hardware does not tell."""
    return Wrong(
        "fetch-told",
        all_of(fetches, flag, negate(told)),
        "KVM sets I/D for a faulting fetch, where hardware does not tell fetches from reads.",
    ).told("I/D is 1", "SDM 5.7: I/D is 0 without CR4.SMEP, unless CR4.PAE and EFER.NXE are set")
