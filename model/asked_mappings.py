"""Pages that are mapped because somebody asks for it, and no guest has faulted, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.faults import FaultTold
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class PageMappedAhead:
    """How a fault is made up for an address of the guest's.

    Attributes:
        of_tdp: the vCPU's MMU handles faults of two-dimensional paging, whose addresses are the guest's physical ones.
        maps: a fault is made up.
        right: it is one for the address and the error code that are told, and for a page that nobody waits for.
        result: what comes of it (32, signed).
        mapped: that says that the page is mapped.
        retry: that says that it is to be tried again.
        ends: it is not, and something is answered.
        answer: what is answered (32, signed).
        evidence: how it came about.
    """

    of_tdp: bool
    maps: Bool
    right: Bool = field(metadata=counts_where("maps"))
    result: BitVec
    mapped: Bool
    retry: Bool
    ends: Bool
    answer: BitVec = field(metadata=counts_where("ends"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class PrivatePageMapped:
    """How a page of the host's that is known is mapped as private memory.

    Attributes:
        gfn: the frame of the guest's that is told (64).
        pfn: the host's that is told (64).
        tdp_mmu: the TDP MMU is in use.
        maps: a page is mapped.
        fault: for which fault.
        fault_pfn: to which frame of the host's (64).
        own_slot: in the memory slot that the vCPU has for the frame.
        tracked: writes to the frame are tracked.
        asks: that is asked, of the frame in that slot.
        result: what comes of it (32, signed).
        mapped: that says that the page is mapped anew.
        ends: it is not tried again, and something is answered.
        answer: what is answered (32, signed).
        evidence: how it came about.
    """

    gfn: BitVec
    pfn: BitVec
    tdp_mmu: Bool
    maps: Bool
    fault: FaultTold = field(metadata=counts_where("maps"))
    fault_pfn: BitVec = field(metadata=counts_where("maps"))
    own_slot: Bool = field(metadata=counts_where("maps"))
    tracked: Bool
    asks: Bool
    result: BitVec
    mapped: Bool
    ends: Bool
    answer: BitVec = field(metadata=counts_where("ends"))
    evidence: Evidence


class AskedMappings(ABC):
    """How pages are mapped that are asked for."""

    @abstractmethod
    def ahead(self, of_tdp: bool) -> PageMappedAhead:
        """``kvm_tdp_page_prefault()``, where the MMU's handler is ``kvm_tdp_page_fault()``, or another."""

    @abstractmethod
    def private(self) -> PrivatePageMapped | None:
        """``kvm_tdp_mmu_map_private_pfn()``; None if there is none."""
