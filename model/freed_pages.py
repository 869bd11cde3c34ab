"""What goes before pages of SPTEs are freed, as a proof sees it."""

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


class FreedPages(ABC):
    """What goes before pages are freed."""

    @abstractmethod
    def committed(self, pages: int) -> PagesFreed:
        """``kvm_mmu_commit_zap_page()``, of a list of so many pages, `PAGES` at most."""
