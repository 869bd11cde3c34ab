"""How a handler of page faults goes from the host's frame to the mapping, as a proof sees it."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.faults import FaultTold
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


class FaultHandler(enum.Enum):
    """The handlers, by their functions in Linux 7.2.13."""

    TDP_MMU = "kvm_tdp_mmu_page_fault"
    DIRECT = "direct_page_fault"
    PAGING64 = "paging64_page_fault"
    PAGING32 = "paging32_page_fault"
    EPT = "ept_page_fault"


@dataclass(frozen=True, kw_only=True)
class FaultMapped:
    """A fault from the search for the host's frame on.

    Attributes:
        function: the handler's name.
        searched: what the fault is when its frame is looked for.
        goes_on: the search has said that the fault is to be mapped.
        found_pfn: the frame that the search has left (64).
        found_writable: whether the host lets it be written, as the search has left it.
        found_level: the largest level at which it may be mapped, as the search has left it.
        fresh: it has been asked after the search whether the fault is out of date, and it is not.
        maps: the fault is mapped.
        told: what it is then.
        pfn: the frame that is mapped (64).
        same_slot: it is in the memory slot that the search has left.
        asks: it has been asked whether writes to the frame, in the fault's slot, are tracked.
        tracked: they are.
        strays: until it is mapped, something changes that decides about a guest's access: an SPTE, a page of them, a
            memory slot, or an MMU.
        answers_otherwise: once it is mapped, it is answered otherwise than what has mapped it says.
        evidence: how it came about.
    """

    function: str
    searched: FaultTold
    goes_on: Bool
    found_pfn: BitVec
    found_writable: Bool
    found_level: BitVec
    fresh: Bool
    maps: Bool
    told: FaultTold = field(metadata=counts_where("maps"))
    pfn: BitVec = field(metadata=counts_where("maps"))
    same_slot: Bool = field(metadata=counts_where("maps"))
    asks: Bool
    tracked: Bool = field(metadata=counts_where("asks"))
    strays: Bool
    answers_otherwise: Bool
    evidence: Evidence


class FaultHandlers(ABC):
    """What handles faults."""

    @abstractmethod
    def mapped(self, handler: FaultHandler) -> FaultMapped:
        """A handler, from the search for the host's frame to the mapping."""
