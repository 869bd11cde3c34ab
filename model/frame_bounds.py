"""Up to which frame the TDP MMU's walks go, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class WalkBound:
    """Where a walk through all frames ends.

    Attributes:
        with_tdp: two-dimensional paging is used.
        width: how many bits the host's physical addresses have (8).
        end: the first frame to which no walk comes (64).
        evidence: how it came about.
    """

    with_tdp: Bool
    width: BitVec
    end: BitVec
    evidence: Evidence


class FrameBounds(ABC):
    """Up to which frame walks go."""

    @abstractmethod
    def of_walks(self) -> WalkBound:
        """``tdp_mmu_max_gfn_exclusive()``."""
