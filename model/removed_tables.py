"""What the TDP MMU does about a table that is taken out of the tree, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class ChangeHandled:
    """What is done besides when an entry has changed, ``__handle_changed_spte()`` in most kernels.

    Attributes:
        function: what it is called.
        old: what the entry held (64).
        new: what it holds or is to hold (64).
        level: of the entry (32).
        shared: KVM's lock is not held for writing.
        removes: the table below is taken apart.
        child_of: of which entry that is said to be the table (64).
        child_level: of which level that entry is said to be (32).
        own_child: that table is the one that is taken apart, and it is told rightly whether the lock is held.
        evidence: how it came about.
    """

    function: str
    old: BitVec
    new: BitVec
    level: BitVec
    shared: Bool
    removes: Bool
    child_of: BitVec = field(metadata=counts_where("removes"))
    child_level: BitVec = field(metadata=counts_where("removes"))
    own_child: Bool = field(metadata=counts_where("removes"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class EntryRemoved:
    """Any one round of ``handle_removed_pt()``, at one entry of the table.

    Attributes:
        shared: KVM's lock is not held for writing.
        level: of the table (32).
        gfn: the first frame that it translates (64).
        first: the number of the entry at which the first round is (32).
        number: that of this round (32).
        goes_on: another round follows.
        unlinked: the table's page is taken off the lists that it is on, before the first round.
        following: the number of its entry (32).
        again: the entry is tried again.
        found: what the entry holds, as far as it is looked at before it is written (64).
        writes: it is written.
        own_entry: what is looked at and written is this entry, as one of a table of this level.
        written: what is written (64).
        replaced: what was there then (64).
        tells: it is told that the entry has changed.
        told_rightly: of this level, and with this lock.
        told_gfn: of which frame (64).
        told_old: from what (64).
        told_new: to what (64).
        evidence: how it came about.
    """

    shared: Bool
    level: BitVec
    gfn: BitVec
    first: BitVec
    number: BitVec
    goes_on: Bool
    unlinked: Bool
    following: BitVec = field(metadata=counts_where("goes_on"))
    again: Bool
    found: BitVec
    writes: Bool
    own_entry: Bool
    written: BitVec = field(metadata=counts_where("writes"))
    replaced: BitVec = field(metadata=counts_where("writes"))
    tells: Bool
    told_rightly: Bool = field(metadata=counts_where("tells"))
    told_gfn: BitVec = field(metadata=counts_where("tells"))
    told_old: BitVec = field(metadata=counts_where("tells"))
    told_new: BitVec = field(metadata=counts_where("tells"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class PageUnlinked:
    """How the page of a table is taken off the list of those in whose place there may be a huge one.

    Attributes:
        listed: it may be on that list.
        shared: KVM's lock is not held for writing.
        unlisted: it is taken off.
        locked: the lock of the list is held then.
        evidence: how it came about.
    """

    listed: Bool
    shared: Bool
    unlisted: Bool
    locked: Bool = field(metadata=counts_where("unlisted"))
    evidence: Evidence


class RemovedTables(ABC):
    """Tables that are taken out of the TDP MMU's tree."""

    @abstractmethod
    def changed(self) -> ChangeHandled:
        """``__handle_changed_spte()``."""

    @abstractmethod
    def removed(self) -> EntryRemoved:
        """``handle_removed_pt()``."""

    @abstractmethod
    def unlinked(self) -> PageUnlinked:
        """``tdp_mmu_unlink_sp()``."""
