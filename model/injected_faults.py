"""How KVM gives a page fault to whoever's tables deny an access, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class InjectedFault:
    """What is done before a page fault is given to the guest.

    Attributes:
        nested: it is one in L1's tables.
        error_code: its error code (64).
        address: its address (64).
        invalidated: what is cached of the address is forgotten.
        right_mmu: that is of the tables in which the fault is.
        in_use: that is below the root in use.
        told: the fault is handed to those whose tables they are, and to nobody else.
        unchanged: what is handed on is the address, the error code and the exit qualification that the walk has left.
        evidence: how it came about.
    """

    nested: bool
    error_code: BitVec
    address: BitVec
    invalidated: Bool
    right_mmu: Bool = field(metadata=counts_where("invalidated"))
    in_use: Bool = field(metadata=counts_where("invalidated"))
    told: Bool
    unchanged: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class QueuedFault:
    """A page fault of a guest's own tables.

    Attributes:
        error_code: what is known of it (64); a processor knows the lower half.
        address: its address (64).
        asynchronous: it is one of KVM's own that tells the guest to wait for a page.
        in_guest_mode: L2 runs.
        queued: an exception with an error code is queued for whoever runs.
        exits: an exit of L2 is queued instead.
        vector: the exception's number (32).
        code: its error code (32).
        payload: what CR2 is to be (64).
        evidence: how it came about.
    """

    error_code: BitVec
    address: BitVec
    asynchronous: Bool
    in_guest_mode: Bool
    queued: Bool
    exits: Bool
    vector: BitVec
    code: BitVec
    payload: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class FaultOfProcessor:
    """A page fault that the processor has reported, and that KVM's own walk of the guest's tables may not find.

    Attributes:
        error_code: what the processor reports (16).
        address: of what address (64).
        walked: what KVM's walk answers, if it is asked (64).
        none: what it answers if it finds a fault (64).
        queued: an exception with an error code is queued for whoever runs.
        exits: an exit of L2 is queued instead.
        vector: the exception's number (32).
        code: its error code (32).
        payload: what CR2 is to be (64).
        evidence: how it came about.
    """

    error_code: BitVec
    address: BitVec
    walked: BitVec
    none: BitVec
    queued: Bool
    exits: Bool
    vector: BitVec
    code: BitVec
    payload: BitVec
    evidence: Evidence


class InjectedFaults(ABC):
    """Who gets a page fault."""

    @abstractmethod
    def of_processor(self) -> FaultOfProcessor:
        """``kvm_fixup_and_inject_pf_error()``, of a fault that KVM's walk does not find."""

    @abstractmethod
    def injected(self, nested: bool) -> InjectedFault:
        """``__kvm_inject_emulated_page_fault()``, for a fault in L1's tables or in the guest's own."""

    @abstractmethod
    def queued(self) -> QueuedFault:
        """``kvm_inject_page_fault()``."""
