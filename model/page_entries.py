"""What is done to each entry of a page of the shadow MMU that is emptied or synchronized, as a proof sees it."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


class Sweep(enum.Enum):
    """What goes through all entries of a page, by its function."""

    EMPTY = "kvm_mmu_page_unlink_children"
    SYNC = "__kvm_sync_page"


@dataclass(frozen=True, kw_only=True)
class EntryTaken:
    """An entry that is taken out of its page: ``mmu_page_zap_pte()``.

    Attributes:
        entry: what it holds (64).
        level: of the page (32).
        mmio: it is an MMIO SPTE.
        dropped: the entry is cleared, and its reverse map knows it no more.
        unlinked: the page to which it leads loses this entry as a parent.
        cleared: the entry is cleared alone.
        elsewhere: one of these is done to another entry, or is told another page.
        gives_up: the page to which it led is given up.
        gave_up: what that says, as often as pages below are given up (32).
        says: what is answered (32).
        evidence: how it came about.
    """

    entry: BitVec
    level: BitVec
    mmio: Bool
    dropped: Bool
    unlinked: Bool
    cleared: Bool
    elsewhere: Bool
    gives_up: Bool
    gave_up: BitVec = field(metadata=counts_where("gives_up"))
    says: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class EntryReached:
    """Any one round of a function that goes through the entries of a page.

    Attributes:
        first: the number of the entry at which the first round is (32).
        begins_with: what is known of earlier entries when the first round begins (32).
        number: the number of this round's entry (32).
        before: what is known of earlier entries (32).
        asks: something is done to an entry.
        own_entry: it is this round's, in this page.
        found: what came of it (32).
        goes_on: another round follows.
        following: the number of its entry (32).
        after: what is known of earlier entries then (32).
        refused: the page is not touched at all.
        says: what is answered in the end (32).
        evidence: how it came about.
    """

    first: BitVec
    begins_with: BitVec
    number: BitVec
    before: BitVec
    asks: Bool
    own_entry: Bool = field(metadata=counts_where("asks"))
    found: BitVec = field(metadata=counts_where("asks"))
    goes_on: Bool
    following: BitVec = field(metadata=counts_where("goes_on"))
    after: BitVec = field(metadata=counts_where("goes_on"))
    refused: Bool
    says: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class EntrySynced:
    """An entry that is to be synchronized with the guest's: ``kvm_sync_spte()``.

    Attributes:
        entry: what it holds (64).
        asks: it is synchronized.
        own_entry: this one is, of this page.
        found: what came of it (32).
        says: what is answered (32).
        evidence: how it came about.
    """

    entry: BitVec
    asks: Bool
    own_entry: Bool = field(metadata=counts_where("asks"))
    found: BitVec = field(metadata=counts_where("asks"))
    says: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class PageSynced:
    """A page all of whose entries are to be synchronized: ``kvm_sync_page()``.

    Attributes:
        found: what came of it (32).
        gives_up: the page is given up.
        says: what is answered (32).
        evidence: how it came about.
    """

    found: BitVec
    gives_up: Bool
    says: BitVec
    evidence: Evidence


class PageEntries(ABC):
    """The entries of a page of the shadow MMU."""

    @property
    @abstractmethod
    def by_entry(self) -> bool:
        """Whether pages are synchronized entry by entry; else each format of guest tables has a loop of its own."""

    @abstractmethod
    def taken(self) -> EntryTaken:
        """An entry is taken out."""

    @abstractmethod
    def reached(self, sweep: Sweep) -> EntryReached:
        """A round of a function that goes through all of them."""

    @abstractmethod
    def synced(self) -> EntrySynced:
        """An entry is synchronized."""

    @abstractmethod
    def page_synced(self) -> PageSynced:
        """A page is."""
