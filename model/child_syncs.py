"""How pages of SPTEs that are out of sync are found below another, and synchronized or given up, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class UnsyncRound:
    """Any one round of the search through the entries that are noted as leading to pages out of sync.

    Attributes:
        table: the entry leads to a page of SPTEs.
        below: pages below that page are out of sync.
        unsync: that page itself is.
        full: no more pages can be found at once.
        found: what the search below that page has found (32, signed).
        added: the page is put among those that are found.
        searched: it is looked below the page.
        forgotten: the entry is no longer noted.
        before: how many have been found (32).
        after: how many have been found then (32).
        goes_on: the search goes on.
        ends: it ends in the round.
        answer: what it says then (32, signed).
        evidence: how it came about.
    """

    table: Bool
    below: Bool
    unsync: Bool
    full: Bool
    found: BitVec = field(metadata=counts_where("searched"))
    added: Bool
    searched: Bool
    forgotten: Bool
    before: BitVec
    after: BitVec = field(metadata=counts_where("goes_on"))
    goes_on: Bool
    ends: Bool
    answer: BitVec = field(metadata=counts_where("ends"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class ChildrenSynced:
    """How the pages that are found are synchronized, any one of them standing for all.

    Attributes:
        found: some are found.
        fit: no more are than there is room for.
        protects: one is to be write-protected.
        protected: the frame of its table is.
        noted: it is remembered whether that has changed an SPTE.
        syncs: one is to be synchronized.
        changed_before: write-protecting has changed an SPTE.
        flushed_before: all TLBs are flushed then, before the first one is synchronized.
        marked: it is marked as one in sync.
        synced: it is synchronized.
        counted: those above it no longer have it for one that is out of sync.
        due_kept: a flush that its synchronization needs is remembered, and so are earlier ones.
        yields: the lock is given up.
        may_yield: it may be.
        stops: it ends before all are synchronized.
        asked: the vCPU is asked to go on later.
        flushed_between: what is due is flushed before the lock is given up, or before it ends early.
        flushed_after: what is due is flushed in the end.
        evidence: how it came about.
    """

    found: Bool
    fit: Bool
    protects: Bool
    protected: Bool
    noted: Bool
    syncs: Bool
    changed_before: Bool
    flushed_before: Bool
    marked: Bool
    synced: Bool
    counted: Bool
    due_kept: Bool
    yields: Bool
    may_yield: Bool
    stops: Bool
    asked: Bool
    flushed_between: Bool
    flushed_after: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class SearchBegun:
    """How the search below a page begins.

    Attributes:
        below: pages below the page are out of sync.
        emptied: none counts as found before.
        above: the page is then put first, as the one above what is found.
        searched: it is looked below the page, and what is found goes to those that are found.
        found: what that says (32, signed).
        answer: what is told (32, signed).
        evidence: how it came about.
    """

    below: Bool
    emptied: Bool = field(metadata=counts_where("below"))
    above: Bool
    searched: Bool
    found: BitVec = field(metadata=counts_where("searched"))
    answer: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class ChildrenZapped:
    """How the pages that are found are given up with the page above them, any one of them standing for all.

    Attributes:
        level: of the page above them (32).
        searched: it is looked below that page.
        found: some are found.
        fit: no more are than there is room for.
        zaps: one is to be given up.
        zapped: it is, and goes where the page above it goes.
        counted: those above it no longer have it for one that is out of sync.
        before: how many have been given up (32).
        after: the same then (32).
        again: all that are found have been given up, and it is looked for more.
        ends: it comes to an end.
        none: how many count as given up before the first (32).
        all: how many do in the end (32).
        answer: what is told then (32).
        evidence: how it came about.
    """

    level: BitVec
    searched: Bool
    found: Bool = field(metadata=counts_where("searched"))
    fit: Bool = field(metadata=counts_where("searched"))
    zaps: Bool
    zapped: Bool
    counted: Bool
    before: BitVec
    after: BitVec = field(metadata=counts_where("zaps"))
    again: Bool
    ends: Bool
    none: BitVec = field(metadata=counts_where("searched"))
    all: BitVec = field(metadata=counts_where("searched"))
    answer: BitVec = field(metadata=counts_where("ends"))
    evidence: Evidence


class ChildSyncs(ABC):
    """Synchronizing what is below a page, and giving it up."""

    @abstractmethod
    def begun(self) -> SearchBegun:
        """``mmu_unsync_walk()``."""

    @abstractmethod
    def searched(self) -> UnsyncRound:
        """``__mmu_unsync_walk()``."""

    @abstractmethod
    def synced(self) -> ChildrenSynced:
        """``mmu_sync_children()``."""

    @abstractmethod
    def zapped(self) -> ChildrenZapped:
        """``mmu_zap_unsync_children()``."""
