"""Below which root the TDP MMU maps the page of a fault, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class FaultRoot:
    """Where the walk begins that maps the page of a fault.

    Attributes:
        address: the fault's address (64).
        gfn: its frame (64).
        direct_bits: the bits of a frame that are set where memory is shared, where KVM mirrors the others (64).
        root: the address of the root in use (64).
        mirror: that of the root that mirrors the tables of TDX (64).
        walked: that of the root that the walk begins at (64).
        of_root: the walk begins at its page.
        first_gfn: the frame to which it leads first (64).
        lowest: the lowest level that it goes down to (32).
        evidence: how it came about.
    """

    address: BitVec
    gfn: BitVec
    direct_bits: BitVec
    root: BitVec
    mirror: BitVec
    walked: BitVec
    of_root: Bool
    first_gfn: BitVec
    lowest: BitVec
    evidence: Evidence


class FaultRoots(ABC):
    """Below which root a page is mapped."""

    @abstractmethod
    def mapped(self) -> FaultRoot:
        """``kvm_tdp_mmu_map()``, up to the beginning of its walk."""
