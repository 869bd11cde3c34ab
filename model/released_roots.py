"""How an MMU gives roots up, as a proof sees it: which go, with what is below them, and what stays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.model.kept_roots import RootMet
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class RootReleased:
    """What becomes of one root of an MMU, or of one entry of its PAE root.

    Attributes:
        address: it, before (64).
        address_after: what stands there afterwards (64).
        released: it is given up as a use of its page.
    """

    address: BitVec
    address_after: BitVec
    released: Bool


@dataclass(frozen=True, kw_only=True)
class RootsReleased:
    """What becomes of the roots of an MMU.

    Attributes:
        asked: for each root, it is to go, that in use first.
        met: the roots as they were.
        roots: what becomes of each.
        entries: what becomes of each entry of the PAE root.
        of_tdp: the roots are of the TDP MMU, which frees pages itself.
        committed: pages that were given up for the last time are freed, after the last that is given up.
        evidence: how it came about.
    """

    asked: tuple[Bool, ...]
    met: tuple[RootMet, ...]
    roots: tuple[RootReleased, ...]
    entries: tuple[RootReleased, ...]
    of_tdp: Bool
    committed: Bool
    evidence: Evidence


class ReleasedRoots(ABC):
    """How roots are given up."""

    @abstractmethod
    def released(self) -> RootsReleased:
        """``kvm_mmu_free_roots()``."""
