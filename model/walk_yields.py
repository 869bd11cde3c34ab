"""How a walk of the TDP MMU lets others in on its way, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import Bool


@dataclass(frozen=True, kw_only=True)
class WalkYielded:
    """A walk that may let others in.

    Attributes:
        due: a flush is due.
        frees: tables that nothing leads to may be freed meanwhile.
        lets_in: the lock is given up for a while.
        flushed: all TLBs are flushed before either.
        answers: the caller is told that others have been in.
        noted: the walk knows that it has to begin anew.
        evidence: how it came about.
    """

    due: Bool
    frees: Bool
    lets_in: Bool
    flushed: Bool
    answers: Bool
    noted: Bool
    evidence: Evidence


class WalkYields(ABC):
    """Walks that others may interrupt."""

    @abstractmethod
    def at_entry(self) -> WalkYielded:
        """``tdp_mmu_iter_cond_resched()``."""
