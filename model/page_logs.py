"""Logs of pages that the processor has written to, as a proof sees them: what is read of KVM's own, and L1's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool, var, zext

ENTRIES = 512
"""How many entries a log has: a page full of addresses."""


def logged_in(entry: BitVec) -> BitVec:
    """What the log has in an entry, so that none has what another has.

    Args:
        entry: its number (32).
    """
    return var("entries of the log", 64) ^ (zext(entry, 64) << 12)


@dataclass(frozen=True, kw_only=True)
class LogRound:
    """One round of what reads the processor's log.

    Attributes:
        index: the processor's index (16).
        of_index: it is read from where the VMCS has it.
        reads: the log is read at all.
        first: the entry at which that begins (32).
        at: the entry of a round (32).
        entry: what the log has there (64).
        marks: a frame is marked as written to.
        gfn: this frame (64).
        goes_on: another round follows.
        next: the entry of that (32); where none follows, that which would.
        resets: the processor's index is set.
        reset_to: to this (16).
        evidence: how it came about.
    """

    index: BitVec
    of_index: Bool
    reads: Bool
    first: BitVec
    at: BitVec
    entry: BitVec
    marks: Bool
    gfn: BitVec = field(metadata=counts_where("marks"))
    goes_on: Bool
    next: BitVec
    resets: Bool
    reset_to: BitVec = field(metadata=counts_where("resets"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class LogWritten:
    """What is done to L1's log when KVM sets a dirty flag in L1's tables for L2.

    Attributes:
        gpa: the address of L2's that is written to (64).
        l2: L2 runs.
        was_full: an exit is due to L1 for a full log.
        enabled: L1 has logs on.
        log: the address of the log (64).
        index: the index that L1 has (16).
        writes: something is written to L1's memory.
        written: what is written (64).
        length: how many bytes that is (64).
        where: their address (64).
        fails: it cannot be written.
        index_after: the index afterwards (16).
        full: an exit is due to L1 for a full log, afterwards.
        refused: the caller is told not to go on.
        evidence: how it came about.
    """

    gpa: BitVec
    l2: Bool
    was_full: Bool
    enabled: Bool
    log: BitVec
    index: BitVec
    writes: Bool
    written: BitVec = field(metadata=counts_where("writes"))
    length: BitVec = field(metadata=counts_where("writes"))
    where: BitVec = field(metadata=counts_where("writes"))
    fails: Bool = field(metadata=counts_where("writes"))
    index_after: BitVec
    full: Bool
    refused: Bool
    evidence: Evidence


class PageLogs(ABC):
    """What is done with logs of pages."""

    @abstractmethod
    def round(self) -> LogRound:
        """A round of ``vmx_flush_pml_buffer()``."""

    @abstractmethod
    def written(self) -> LogWritten:
        """``nested_vmx_write_pml_buffer()``."""
