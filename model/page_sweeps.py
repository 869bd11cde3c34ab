"""Sweeps through all pages of the shadow MMU that take them or some of them away, as a proof sees them."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import Bool

PAGES = 2
"""Through how many pages a sweep goes that is looked at: the second shows what becomes of the others."""


class PageSweep(enum.Enum):
    """A sweep, by its function."""

    OBSOLETE = "kvm_zap_obsolete_pages"
    """The pages go that a former generation has left behind."""
    ALL = "kvm_mmu_zap_all"
    """All pages go."""
    OLDEST = "kvm_mmu_zap_oldest_mmu_pages"
    """As many of the oldest pages go as are asked for."""


@dataclass(frozen=True, kw_only=True)
class SweptPage:
    """What a sweep does with one page.

    Attributes:
        obsolete: no vCPU is to use the page any more.
        invalid: it was given up before.
        zapped: the sweep gives it up, and puts it among those that are freed.
        unstable: the list of pages may be another then.
    """

    obsolete: Bool
    invalid: Bool
    zapped: Bool
    unstable: Bool = field(metadata=counts_where("zapped"))


@dataclass(frozen=True, kw_only=True)
class PagesSwept:
    """What a sweep does with a list of pages.

    Attributes:
        sweep: which it is.
        pages: the pages, in the order in which the sweep comes by them.
        yields: the lock is given up for a while.
        begins_anew: the sweep begins anew.
        freed: those that it has given up are freed.
        tdp_mmu: the TDP MMU is in use.
        tdp_done: what the TDP MMU has is taken away too.
        evidence: how it came about.
    """

    sweep: PageSweep
    pages: tuple[SweptPage, ...]
    yields: Bool
    begins_anew: Bool
    freed: Bool
    tdp_mmu: Bool
    tdp_done: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class RestTakenAway:
    """What is left to do where all pages are given up at once.

    Attributes:
        left_behind: what there is belongs to a generation that is past.
        tdp_mmu: the TDP MMU is in use.
        given_up: its roots are given up.
        emptied: what is below those that are given up is taken away, after that.
        unlocked: the lock is not held then, which that takes by itself.
        evidence: how it came about.
    """

    left_behind: Bool
    tdp_mmu: Bool
    given_up: Bool
    emptied: Bool
    unlocked: Bool = field(metadata=counts_where("emptied"))
    evidence: Evidence


class PageSweeps(ABC):
    """How all pages are taken away."""

    @abstractmethod
    def swept(self, sweep: PageSweep) -> PagesSwept:
        """A sweep through a list of `PAGES` pages."""

    @abstractmethod
    def rest(self) -> RestTakenAway:
        """``kvm_mmu_zap_all_fast()``."""
