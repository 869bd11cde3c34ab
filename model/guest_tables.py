"""Guest page tables that KVM shadows, as a proof sees them: no write to one goes unseen."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.listed_pages import ListedPage
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool

HUGEST = 3
"""The highest level of huge pages."""


class Shadowing(enum.Enum):
    """Whether a table begins to be shadowed, or is shadowed no longer; named by what accounts for it."""

    BEGINS = "account_shadowed"
    ENDS = "unaccount_shadowed"


@dataclass(frozen=True, kw_only=True)
class TableAccounted:
    """A guest's page table is shadowed from now on, or no longer.

    Attributes:
        function: what accounts for it.
        begins: it is shadowed from now on.
        level: of the table (32).
        in_slot: its frame is looked up in the memory of the page's address space.
        writes_counted: pages can have writers that are counted.
        pages_before: how many tables were shadowed (32).
        pages_after: how many there are now (32).
        writers_before: how many want to know of writes to the frame (16).
        writers_after: the same afterwards (16).
        forbidden: huge pages around the frame are forbidden once more.
        allowed: they are forbidden once less.
        protects: SPTEs of the frame lose the permission to write, from level 1 on.
        stale: some had it.
        other_slot: the other address space has a slot with the frame.
        protects_elsewhere: SPTEs of the frame there lose the permission as well.
        flushed: the frame is flushed from all TLBs, or all is.
        evidence: how it came about.
    """

    function: str
    begins: bool
    level: BitVec
    in_slot: Bool
    writes_counted: Bool
    pages_before: BitVec
    pages_after: BitVec
    writers_before: BitVec
    writers_after: BitVec
    forbidden: Bool
    allowed: Bool
    protects: Bool
    stale: Bool
    other_slot: Bool
    protects_elsewhere: Bool
    flushed: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class WritesTracked:
    """Whether somebody wants to know of writes to a frame.

    Attributes:
        function: who is asked.
        writes_counted: pages can have writers that are counted.
        has_other_space: the VM has two address spaces.
        space: that of the slot (32).
        own: how many want to know, by the slot (16).
        other_slot: the other address space has a slot with the frame.
        other: how many want to know, by that one (16).
        asked: each count that is looked at is that of the frame, and the other slot of the other address space.
        answer: somebody does.
        evidence: how it came about.
    """

    function: str
    writes_counted: Bool
    has_other_space: Bool
    space: BitVec
    own: BitVec
    other_slot: Bool
    other: BitVec
    asked: Bool
    answer: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class HugeAllowed:
    """Whether a frame may be part of a huge page.

    Attributes:
        function: who is asked.
        has_other_space: the VM has two address spaces.
        space: that of the slot (32).
        own: how much forbids it, by the slot (32).
        other_slot: the other address space has a slot with the frame.
        other: how much forbids it, by that one (32).
        asked: each count is that of the frame and level, and the other slot of the other address space.
        answer: it may be.
        evidence: how it came about.
    """

    function: str
    has_other_space: Bool
    space: BitVec
    own: BitVec
    other_slot: Bool
    other: BitVec
    asked: Bool
    answer: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class TableUnsynced:
    """A frame is to be writable: any one page that is met of those that may shadow it.

    Attributes:
        function: who decides.
        tracked: somebody wants to know of writes to the frame.
        asked: that, and what follows, is asked of the frame and its slot.
        huge_allowed: the frame may be part of a huge page.
        synchronizing: it is to be writable for a page that is being synchronized.
        prefetch: it is to be writable although nobody has written to it.
        page: the page, if there is one.
        unsync: the page was out of sync.
        goes_on: further pages are looked at.
        unsync_after: the page is out of sync then.
        parents_told: the pages that lead to it are told.
        answer: 0 if the frame may be writable (32).
        evidence: how it came about.
    """

    function: str
    tracked: Bool
    asked: Bool
    huge_allowed: Bool
    synchronizing: Bool
    prefetch: Bool
    page: ListedPage
    unsync: Bool
    goes_on: Bool
    unsync_after: Bool = field(metadata=counts_where("goes_on"))
    parents_told: Bool
    answer: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class FrameProtected:
    """A frame's SPTEs lose the permission to write.

    Attributes:
        function: what does it.
        min_level: from which level on.
        shadowed: there may be SPTEs of the shadow MMU.
        tdp_mmu: the TDP MMU is in use.
        levels: at which levels, from 1 on, those of the shadow MMU do.
        had: at which some had it.
        tdp: those of the TDP MMU do, of this frame and from this level on.
        tdp_had: some had it.
        answer: some had it, by what is told.
        evidence: how it came about.
    """

    function: str
    min_level: int
    shadowed: Bool
    tdp_mmu: Bool
    levels: tuple[Bool, ...]
    had: tuple[Bool, ...]
    tdp: Bool
    tdp_had: Bool
    answer: Bool
    evidence: Evidence


class GuestTables(ABC):
    """Guest page tables that are shadowed."""

    @abstractmethod
    def accounted(self, shadowing: Shadowing) -> TableAccounted:
        """``account_shadowed()`` or ``unaccount_shadowed()``."""

    @abstractmethod
    def tracked(self) -> WritesTracked:
        """``kvm_gfn_is_write_tracked()``."""

    @abstractmethod
    def huge_allowed(self) -> HugeAllowed | None:
        """``kvm_gfn_is_lpage_allowed()``; None where pages that may shadow a frame are looked for in any case."""

    @abstractmethod
    def unsynced(self) -> TableUnsynced:
        """``mmu_try_to_unsync_pages()``."""

    @abstractmethod
    def protected(self, min_level: int) -> FrameProtected:
        """``kvm_mmu_slot_gfn_write_protect()``."""
