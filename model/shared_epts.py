"""A fault of L2 in L1's EPT, and the other roots that shadow the same tables, as a proof sees them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.model.invalidations import CachedRoot
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class FaultForgotten:
    """What is done about an address before L1 is told of a fault there.

    Attributes:
        log_full: L1 is told that its page-modification log is full, and of no fault.
        eptp: the pointer to the tables in which the fault is (64).
        address: where the fault is, an address of L2's physical memory (64).
        no_root: the address that is no root's (64).
        kept: the roots that the vCPU had before. One is forgotten if it is synchronized with L1's tables there,
            before L1 is told.
        evidence: how it came about.
    """

    log_full: Bool
    eptp: BitVec
    address: BitVec
    no_root: BitVec
    kept: Sequence[CachedRoot]
    evidence: Evidence


class SharedEpts(ABC):
    """Roots that shadow the same tables of L1's EPT."""

    @abstractmethod
    def at_fault(self) -> FaultForgotten:
        """``nested_ept_inject_page_fault()``, up to the nested VM exit."""
