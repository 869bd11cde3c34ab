"""Who gets a page fault of L2's own tables, as a proof sees it: L1, if it has asked for such faults."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class PageFaultRouted:
    """Whether a page fault of L2 is taken to L1.

    Attributes:
        error_code: the fault's (32).
        wanted: L1 has the bit set for page faults among the exceptions that it wants to see.
        mask: the bits of the error code that L1 has compared (32); 0 where there is no such choice.
        match: what they are compared with (32).
        to_l1: L1 gets the fault.
        evidence: how it came about.
    """

    error_code: BitVec
    wanted: Bool
    mask: BitVec
    match: BitVec
    to_l1: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class PageFaultsLeft:
    """Which page faults the processor leaves L2 for.

    Attributes:
        all_needed: KVM has to see each of them.
        mask: the bits that L1 has compared (32).
        match: what they are compared with (32).
        told: the processor is told both.
        own_mask: the bits that it compares (32).
        own_match: with what (32).
        evidence: how it came about.
    """

    all_needed: Bool
    mask: BitVec
    match: BitVec
    told: Bool
    own_mask: BitVec = field(metadata=counts_where("told"))
    own_match: BitVec = field(metadata=counts_where("told"))
    evidence: Evidence


class PageFaultRoutes(ABC):
    """Who gets a page fault of L2's."""

    @abstractmethod
    def routed(self, vendor: Vendor) -> PageFaultRouted:
        """``nested_vmx_is_exception_vmexit()`` or ``nested_svm_is_exception_vmexit()``."""

    @abstractmethod
    def left(self) -> PageFaultsLeft:
        """``prepare_vmcs02_rare()``."""
