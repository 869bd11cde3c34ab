"""The four PDPTEs of PAE paging, as a proof sees them: where they are read, and what the processor is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool

POINTERS = 4
"""How many PDPTEs there are."""


@dataclass(frozen=True, kw_only=True)
class PointersLoaded:
    """What a load of CR3 under PAE paging does.

    Attributes:
        cr3: the CR3 that is loaded (64).
        reads: guest memory is read.
        failed: it could not be.
        frame: the frame that is read (64).
        real: the address to which the frame of CR3 is translated, for L1 and L2 alike (64).
        offset: where in the frame it is read (32).
        size: how many bytes are (64).
        read: the PDPTEs that are read (64 each).
        refused: any one of them is present, and has a reserved bit.
        accepted: the load succeeds.
        kept: the PDPTEs that the vCPU has then (64 each).
        before: those that it had before (64 each).
        with_tdp: the processor itself uses the guest's PDPTEs.
        gives_up: the root in use is given up.
        evidence: how it came about.
    """

    cr3: BitVec
    reads: Bool
    failed: Bool
    frame: BitVec = field(metadata=counts_where("reads"))
    real: BitVec
    offset: BitVec = field(metadata=counts_where("reads"))
    size: BitVec = field(metadata=counts_where("reads"))
    read: tuple[BitVec, ...]
    refused: Bool
    accepted: Bool
    kept: tuple[BitVec, ...] = field(metadata=counts_where("accepted"))
    before: tuple[BitVec, ...]
    with_tdp: Bool
    gives_up: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class PointerFetched:
    """How one PDPTE of L1's nested page tables is fetched.

    Attributes:
        nested_cr3: L1's nested CR3 (64).
        index: which of the four is wanted (32).
        frame: the frame that is read (64).
        offset: where in it (32).
        size: how many bytes (32).
        failed: it could not be read.
        read: what is read (64).
        answer: what is taken for the PDPTE (64).
        evidence: how it came about.
    """

    nested_cr3: BitVec
    index: BitVec
    frame: BitVec
    offset: BitVec
    size: BitVec
    failed: Bool
    read: BitVec
    answer: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class PointersGiven:
    """What the processor is given of the vCPU's PDPTEs where EPT is on.

    Attributes:
        changed: they have changed since they were given last.
        used: the guest is in PAE paging.
        held: the PDPTEs of the vCPU (64 each).
        told: each of them is written to the VMCS.
        given: what is written for it (64 each).
        evidence: how it came about.
    """

    changed: Bool
    used: Bool
    held: tuple[BitVec, ...]
    told: tuple[Bool, ...]
    given: tuple[BitVec, ...]
    evidence: Evidence


class PageDirectoryPointers(ABC):
    """Where PDPTEs come from and go to."""

    @abstractmethod
    def loaded(self) -> PointersLoaded:
        """``load_pdptrs()``."""

    @abstractmethod
    def fetched(self) -> PointerFetched:
        """``nested_svm_get_tdp_pdptr()``."""

    @abstractmethod
    def given(self) -> PointersGiven:
        """``vmx_ept_load_pdptrs()``."""
