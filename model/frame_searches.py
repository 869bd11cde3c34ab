"""Of whom a fault's frame of the host's is asked, as a proof sees it, and what is made of the answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class HostAsked:
    """Of whom a fault's frame is asked.

    Attributes:
        is_private: the fault is one for private memory.
        only_guest: the slot has no memory of the host's own.
        writes: the fault is a write.
        host: the host's page tables are asked.
        for_write: each time it is asked for a page that can be written.
        for_read: some time it is asked for any page.
        elsewhere: it is asked of another frame or slot, or what it answers is kept elsewhere than in the fault.
        guest: the guest's own memory is asked.
        goes_on: the fault can go on.
        waits: what the fault has for a frame is only that the page has to be read in first.
        evidence: how it came about.
    """

    is_private: Bool
    only_guest: Bool
    writes: Bool
    host: Bool
    for_write: Bool
    for_read: Bool
    elsewhere: Bool
    guest: Bool
    goes_on: Bool
    waits: Bool = field(metadata=counts_where("goes_on"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class GuestMemoryAsked:
    """What a fault gets of memory that is the guest's own.

    Attributes:
        has_memory: the slot has such memory.
        asked: it is asked for the fault's frame, and the answer is kept in the fault.
        fails: it has none to give.
        readonly: userspace has made the slot read-only.
        order: how large the page is that is given, as a power of two of small ones (32).
        level: the highest level at which the fault may be mapped then (8).
        writable: the fault may be mapped so that it can be written.
        told: userspace is told that the fault cannot be handled.
        goes_on: the fault can go on.
        evidence: how it came about.
    """

    has_memory: Bool
    asked: Bool
    fails: Bool
    readonly: Bool
    order: BitVec
    level: BitVec = field(metadata=counts_where("goes_on"))
    writable: Bool = field(metadata=counts_where("goes_on"))
    told: Bool
    goes_on: Bool
    evidence: Evidence


class FrameSearches(ABC):
    """The search for a fault's frame."""

    @abstractmethod
    def asked(self) -> HostAsked:
        """``__kvm_mmu_faultin_pfn()``."""

    @abstractmethod
    def of_guest_memory(self) -> GuestMemoryAsked:
        """``kvm_mmu_faultin_pfn_gmem()``."""
