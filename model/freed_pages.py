"""What goes before pages of SPTEs are freed, or a lock is given up, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import Bool

PAGES = 2
"""How many pages are on the list that is freed."""


@dataclass(frozen=True, kw_only=True)
class PagesFreed:
    """How a list of pages that were given up is freed.

    Attributes:
        pages: how many are on it.
        freed: each of them is freed, in their order.
        flushed: all TLBs are flushed before, each time that a page is freed.
        anything: anything is freed.
        evidence: how it came about.
    """

    pages: int
    freed: tuple[Bool, ...]
    flushed: Bool
    anything: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class WayGiven:
    """How a walk of the TDP MMU's tables gives way.

    Attributes:
        due: a flush is due.
        shared: the lock is held for reading.
        gives_way: the lock is given up, and taken again.
        as_held: it is, each time, in the way in which it is held.
        flushed: all TLBs are flushed before.
        unprotected: what protects tables from being freed is given up meanwhile, and taken again after.
        noted_before: the walk had noted before that it has to begin anew.
        noted: the walk notes that it has to begin anew where it stands.
        answer: that it has given way is answered.
        evidence: how it came about.
    """

    due: Bool
    shared: Bool
    gives_way: Bool
    as_held: Bool
    flushed: Bool
    unprotected: Bool
    noted_before: Bool
    noted: Bool
    answer: Bool
    evidence: Evidence


class FreedPages(ABC):
    """What goes before pages are freed."""

    @abstractmethod
    def committed(self, pages: int) -> PagesFreed:
        """``kvm_mmu_commit_zap_page()``, of a list of so many pages, `PAGES` at most."""

    @abstractmethod
    def gives_way(self) -> WayGiven:
        """``tdp_mmu_iter_cond_resched()``."""
