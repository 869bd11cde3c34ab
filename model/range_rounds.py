"""Rounds of the loops over a range of frames, as a proof sees them: what is changed and is to be flushed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class ZapRound:
    """Any one round of a walk that takes away the pages of a range.

    Attributes:
        function: whose loop it is.
        in_range: the walk is at an entry of the range.
        level: the level of that entry (32).
        spte: what it holds according to the walk (64).
        yielded: others have been let in, and the entry may be another now.
        told: they were told that a flush is due.
        zapped: the entry is cleared.
        unused: the root is one that no vCPU uses any more.
        goes_on: another round follows.
        due: a flush is due when the round begins.
        due_after: a flush is due when the next round begins.
        answer: what the function answers where the walk is at its end: a flush is due.
        evidence: how it came about.
    """

    function: str
    in_range: Bool
    level: BitVec
    spte: BitVec
    yielded: Bool
    told: Bool = field(metadata=counts_where("yielded"))
    zapped: Bool
    unused: Bool
    goes_on: Bool
    due: Bool
    due_after: Bool = field(metadata=counts_where("goes_on"))
    answer: Bool
    evidence: Evidence


class RangeRounds(ABC):
    """What goes through the entries of a range of frames."""

    @abstractmethod
    def zap(self) -> ZapRound:
        """``tdp_mmu_zap_leafs()``."""
