"""How pages of SPTEs that are out of sync are found below another, and synchronized, as a proof sees it."""

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


class ChildSyncs(ABC):
    """Synchronizing what is below a page."""

    @abstractmethod
    def searched(self) -> UnsyncRound:
        """``__mmu_unsync_walk()``."""

    @abstractmethod
    def synced(self) -> ChildrenSynced:
        """``mmu_sync_children()``."""
