"""How a huge page of the shadow MMU is split into small ones, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool

LOOKED_AT = 4
"""How many entries of a page of SPTEs are looked at where one stands for all."""


@dataclass(frozen=True, kw_only=True)
class SplitEntry:
    """What any one entry of the page gets that is to stand for a huge page.

    Attributes:
        index: which entry (32, signed).
        here: there is such an entry in this round.
        present: it maps something already.
        table: that is a page of SPTEs.
        before: what the entry held (64).
        after: what it holds then (64).
        made: the SPTE that is made for it (64).
        made_right: it is made of the huge SPTE, for this entry and the page's role.
        listed: it is put on the list of what maps its frame, with the page's access.
        due: a flush is due from before.
        due_after: it is due then.
        next_index: which entry is next (32, signed).
        linked: the page is put in the place of the huge SPTE, with the flush that is due.
        ends: the loop ends.
        evidence: how it came about.
    """

    index: BitVec
    here: Bool
    present: Bool
    table: Bool
    before: BitVec
    after: BitVec = field(metadata=counts_where("here"))
    made: BitVec
    made_right: Bool
    listed: Bool
    due: Bool
    due_after: Bool = field(metadata=counts_where("here"))
    next_index: BitVec = field(metadata=counts_where("here"))
    linked: Bool
    ends: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class SplitPage:
    """Which page is to stand for a huge page.

    Attributes:
        level: the level of the huge SPTE (32).
        frame: the first frame that it maps (64).
        access: what the guest grants with it (32).
        right_entry: frame and access are looked up for the huge SPTE.
        told_frame: for which frame a page is asked (64).
        told_level: of which level it is to be (32).
        told_access: with which access (32).
        told_direct: without a guest's table behind it.
        evidence: how it came about.
    """

    level: BitVec
    frame: BitVec
    access: BitVec
    right_entry: Bool
    told_frame: BitVec
    told_level: BitVec
    told_access: BitVec
    told_direct: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class SplitTried:
    """How it is tried to split one huge page.

    Attributes:
        ready: there is memory for the split, and nobody waits for the lock.
        unlocked: the lock is given up.
        locked: the lock is held in the end.
        splits: the page is split.
        split_before: it is before the lock is given up.
        split_right: it is the page that was to be, of its slot.
        answer: what is told (32, signed).
        evidence: how it came about.
    """

    ready: Bool
    unlocked: Bool
    locked: Bool
    splits: Bool
    split_before: Bool
    split_right: Bool
    answer: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class ListedSplit:
    """What becomes of any one SPTE of a list whose SPTEs are to be split.

    Attributes:
        here: there is an SPTE that is looked at.
        huge: it maps a huge page.
        shadows: its page is one for L2, as all are that are on lists where the TDP MMU is used.
        unsync: its page is out of sync, as none above level 1 is.
        invalid: its page is given up.
        tried: it is tried to split it.
        tried_right: it is this SPTE that is, with its slot.
        said: what that says (32, signed).
        restarts: the list is gone through from its beginning again.
        goes_on: it is gone on with the next SPTE.
        evidence: how it came about.
    """

    here: Bool
    huge: Bool
    shadows: Bool
    unsync: Bool
    invalid: Bool
    tried: Bool
    tried_right: Bool
    said: BitVec = field(metadata=counts_where("tried"))
    restarts: Bool
    goes_on: Bool
    evidence: Evidence


class ShadowSplits(ABC):
    """Splitting huge pages of the shadow MMU."""

    @abstractmethod
    def entry(self) -> SplitEntry:
        """``shadow_mmu_split_huge_page()``."""

    @abstractmethod
    def page(self) -> SplitPage:
        """``shadow_mmu_get_sp_for_split()``."""

    @abstractmethod
    def tried(self) -> SplitTried:
        """``shadow_mmu_try_split_huge_page()``."""

    @abstractmethod
    def listed(self) -> ListedSplit:
        """``shadow_mmu_try_split_huge_pages()``."""
