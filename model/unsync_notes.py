"""How it is noted, above pages of SPTEs that are out of sync, where they are, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import BitVec, Bool

STEPS = 4
"""How many pages can be above one, from the lowest up."""
ROOM = 16
"""How many pages are found at once at most."""


@dataclass(frozen=True, kw_only=True)
class UnsyncNoted:
    """What is noted in a page of an entry below which something is out of sync.

    Attributes:
        was_noted: the entry was noted before.
        noted: it is noted then, by its number, in the page that it belongs to.
        before: how many entries of the page are noted (32).
        after: the same afterwards (32).
        tells: those above the page are told that something below it is out of sync.
        evidence: how it came about.
    """

    was_noted: Bool
    noted: Bool
    before: BitVec
    after: BitVec
    tells: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class ParentsToldRound:
    """What becomes of any one entry that leads to a page which is out of sync, or has something below it that is.

    Attributes:
        here: there is an entry that is looked at.
        notes: it is noted.
        of_page: the entries are those that lead to the page.
        evidence: how it came about.
    """

    here: Bool
    notes: Bool
    of_page: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class LinkNoted:
    """What is noted of an entry that begins to lead to a page.

    Attributes:
        out_of_sync: that page is out of sync.
        below: something below that page is.
        notes: the entry is noted.
        evidence: how it came about.
    """

    out_of_sync: Bool
    below: Bool
    notes: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class NoteTakenBack:
    """How an entry is no longer noted.

    Attributes:
        cleared: it is not, by its number, in the page that is told.
        before: how many entries of the page are noted (32).
        after: the same afterwards (32).
        evidence: how it came about.
    """

    cleared: Bool
    before: BitVec
    after: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class NotesTakenBack:
    """The way up from a page that is in sync again, step by step.

    Attributes:
        there: whether there is a page at each step.
        left: how many of its entries are noted, after those are no longer that are on the way (32).
        taken_back: its entry on the way is no longer noted.
        evidence: how it came about.
    """

    there: tuple[Bool, ...]
    left: tuple[BitVec, ...]
    taken_back: tuple[Bool, ...]
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class PageFound:
    """How a page is put among those that a search has found.

    Attributes:
        count: how many there are before.
        unsync: the page is out of sync itself.
        known: it is among them.
        stored: it is put behind them, with the number of the entry that leads to it.
        after: how many there are then (32).
        full: the search is told that there is no room for more.
        evidence: how it came about.
    """

    count: int
    unsync: Bool
    known: Bool
    stored: Bool
    after: BitVec
    full: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class WayNoted:
    """How the way to a page of the lowest level is noted, by way of one page above it.

    Attributes:
        level: the level of the page above, or 1 if there is none.
        begins: the page above is the one from which it was searched.
        entries: of each page on the way it is noted which entry leads to it.
        pages: the page above is noted as the one that has the entry to the lowest one.
        ends: the way ends above the page from which it was searched.
        lowest: the answer is where the page of the lowest level is.
        evidence: how it came about.
    """

    level: int
    begins: bool
    entries: Bool
    pages: Bool
    ends: Bool
    lowest: Bool
    evidence: Evidence


class UnsyncNotes(ABC):
    """What is noted above pages that are out of sync."""

    @abstractmethod
    def noted(self) -> UnsyncNoted:
        """``mark_unsync()``."""

    @abstractmethod
    def parents_told(self) -> ParentsToldRound:
        """``kvm_mmu_mark_parents_unsync()``."""

    @abstractmethod
    def linked(self) -> LinkNoted:
        """``__link_shadow_page()``."""

    @abstractmethod
    def taken_back(self) -> NoteTakenBack:
        """``clear_unsync_child_bit()``."""

    @abstractmethod
    def taken_back_above(self) -> NotesTakenBack:
        """``mmu_pages_clear_parents()``."""

    @abstractmethod
    def found(self, count: int) -> PageFound:
        """``mmu_pages_add()``, where some pages have been found."""

    @abstractmethod
    def way(self, level: int, begins: bool) -> WayNoted:
        """``mmu_pages_first()`` if the way begins, otherwise ``mmu_pages_next()``."""
