"""What a processor forgets of cached translations when a control register is written.

Source: SDM vol. 3, 5.10.4.1; APM vol. 2, 5.5.2.
"""

from __future__ import annotations

from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, iff, negate

_PG = 31
_PAE, _PGE, _PCIDE, _SMEP = 5, 7, 17, 20
_KEEP = 63


def _changes(old: BitVec, new: BitVec, number: int) -> Bool:
    return negate(iff(bit(old, number), bit(new, number)))


def _falls(old: BitVec, new: BitVec, number: int) -> Bool:
    return all_of(bit(old, number), negate(bit(new, number)))


def all_by_cr0(old: BitVec, new: BitVec) -> Bool:
    """Whether a write to CR0 (64 bits each) forgets all: paging is turned off."""
    return _falls(old, new, _PG)


def all_by_reset(cr0: BitVec, *, by_init: Bool) -> Bool:
    """Whether a reset forgets all: INIT does, SDM table 11-1, and paging goes where CR0 (64 bits) had it on."""
    return any_of(by_init, bit(cr0, _PG))


def all_by_cr4(old: BitVec, new: BitVec) -> Bool:
    """Whether a write to CR4 (64 bits each) forgets all, global translations too: by PGE, or PCIDs are turned off."""
    return any_of(_changes(old, new, _PGE), _falls(old, new, _PCIDE))


def current_by_cr4(old: BitVec, new: BitVec) -> Bool:
    """Whether a write to CR4 (64 bits each) forgets what has the PCID in use: by PAE, or SMEP is turned on."""
    return any_of(_changes(old, new, _PAE), _falls(new, old, _SMEP))


def current_by_cr3(operand: BitVec, *, has_pcid: Bool) -> Bool:
    """Whether a write to CR3 forgets what is cached for the PCID that it names: unless bit 63 tells it not to.

    Args:
        operand: what is written (64 bits).
        has_pcid: whether there are PCIDs (CR4.PCIDE); without, bit 63 means nothing of the kind.
    """
    return negate(all_of(has_pcid, bit(operand, _KEEP)))
