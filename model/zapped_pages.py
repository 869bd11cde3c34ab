"""How pages of SPTEs are given up in the shadow MMU, as a proof sees it, and how one address is brought up to date."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class PageGivenUp:
    """What is done with a page that is given up.

    Attributes:
        in_use: it is a root that some vCPU uses.
        was_invalid: it had been given up before.
        shadows: it shadows a table of the guest's.
        unsync: it is out of sync with that table.
        may_be_loaded: it is none that memory slots have left behind.
        children_given_up: pages below it that are out of sync are given up.
        emptied: its entries are taken away.
        unlinked: no entry leads to it any more.
        uncounted: it is no longer counted as one that shadows the table.
        synced: it is no longer counted as one that is out of sync.
        queued: it is put on the list of those that are freed after the next flush.
        invalid: it is given up then.
        told: all vCPUs are told to let go of roots that are given up.
        told_late: the page is given up when they are told.
        evidence: how it came about.
    """

    in_use: Bool
    was_invalid: Bool
    shadows: Bool
    unsync: Bool
    may_be_loaded: Bool
    children_given_up: Bool
    emptied: Bool
    unlinked: Bool
    uncounted: Bool
    synced: Bool
    queued: Bool
    invalid: Bool
    told: Bool
    told_late: Bool = field(metadata=counts_where("told"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class AllGivenUp:
    """What begins to give all pages up.

    Attributes:
        tdp_mmu: the TDP MMU is in use.
        before: which of two generations pages are made with that are used (8).
        after: the same afterwards (8).
        told_of_tdp: the TDP MMU's own roots are given up.
        only_direct: of these those that are no mirrors of TDX's.
        told: all vCPUs are told to let go of roots that are given up.
        told_late: pages of the former generation and the TDP MMU's roots are given up when they are told.
        zaps: pages of the former generation are taken away.
        evidence: how it came about.
    """

    tdp_mmu: Bool
    before: BitVec
    after: BitVec
    told_of_tdp: Bool
    only_direct: Bool = field(metadata=counts_where("told_of_tdp"))
    told: Bool
    told_late: Bool = field(metadata=counts_where("told"))
    zaps: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class LateFlush:
    """What is done at the end of a change in the shadow MMU.

    Attributes:
        due: a flush is due.
        some: pages wait on the list of those that are freed after a flush.
        flushed: all TLBs are flushed.
        freed: those pages are freed, by what flushes first.
        answer: what is told: that one of the two was done.
        evidence: how it came about.
    """

    due: Bool
    some: Bool
    flushed: Bool
    freed: Bool
    answer: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class RootEmptied:
    """How all below a root of the TDP MMU is taken away, from one level after the other.

    Attributes:
        level: the level of the root (32).
        last: the level from which on entries are taken away at last (32).
        right: each time it is this root's, and as the lock is held.
        rising: no level is lower than the one before.
        evidence: how it came about.
    """

    level: BitVec
    last: BitVec
    right: Bool
    rising: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class LeftBehindFreed:
    """Whose roots a vCPU gives up that memory slots have left behind.

    Attributes:
        own: those of the MMU for the guest's own tables, or for none.
        nested: those of the MMU for L1's nested tables.
        evidence: how it came about.
    """

    own: Bool
    nested: Bool
    evidence: Evidence


class ZappedPages(ABC):
    """How pages are given up."""

    @abstractmethod
    def given_up(self) -> PageGivenUp:
        """``__kvm_mmu_prepare_zap_page()``."""

    @abstractmethod
    def all_at_once(self) -> AllGivenUp:
        """``__kvm_mmu_zap_all_fast_front_half()``, by whatever name."""

    @abstractmethod
    def root_emptied(self) -> RootEmptied:
        """``tdp_mmu_zap_root()``."""

    @abstractmethod
    def left_behind(self) -> LeftBehindFreed:
        """``kvm_mmu_free_obsolete_roots()``."""

    @abstractmethod
    def late_flush(self) -> LateFlush:
        """``kvm_mmu_remote_flush_or_zap()``."""
