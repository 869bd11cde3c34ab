"""The entries that lead to pages of SPTEs, and SPTEs on lists, when they come and go, as a proof sees them."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import Bool


class EntryGoes(enum.Enum):
    """What takes an entry away and off its list, by its function."""

    PARENT = "drop_parent_pte"
    """One that leads to a page, whose list of such entries it is on."""
    SPTE = "kvm_zap_one_rmap_spte"
    """An SPTE, which is on the list of what maps its frame."""


@dataclass(frozen=True, kw_only=True)
class ParentsRound:
    """What becomes of any one entry that leads to a page which goes.

    Attributes:
        there: there is one on the page's list.
        of_page: it is looked for on the list of that page.
        taken_away: it is taken away.
        goes_on: it is looked for another.
        evidence: how it came about.
    """

    there: Bool
    of_page: Bool
    taken_away: Bool
    goes_on: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class EntryTakenAway:
    """What becomes of an entry.

    Attributes:
        emptied: it is emptied.
        unlisted: it is taken off its list.
        evidence: how it came about.
    """

    emptied: Bool
    unlisted: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class ParentNoted:
    """How a page notes an entry that is to lead to it.

    Attributes:
        some: there is such an entry.
        listed: it is put on the page's list.
        evidence: how it came about.
    """

    some: Bool
    listed: Bool
    evidence: Evidence


class ParentLinks(ABC):
    """How entries come to lead to pages, and no longer do."""

    @abstractmethod
    def noted(self) -> ParentNoted:
        """``mmu_page_add_parent_pte()``."""

    @abstractmethod
    def parents_gone(self) -> ParentsRound:
        """``kvm_mmu_unlink_parents()``."""

    @abstractmethod
    def taken_away(self, which: EntryGoes) -> EntryTakenAway:
        """An entry that goes."""
