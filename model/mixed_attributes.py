"""How KVM notes where the attributes of a guest's memory are mixed, as a proof sees it: there no page is huge."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class LevelRound:
    """Any one round of a loop over the levels of huge pages.

    Attributes:
        has_private: the VM has private memory.
        runs: the loop is begun.
        level: the level of the round (32).
        first: that of the first round (32).
        goes_on: another round follows.
        after: its level (32).
    """

    has_private: Bool
    runs: Bool
    level: BitVec
    first: BitVec = field(metadata=counts_where("runs"))
    goes_on: Bool
    after: BitVec = field(metadata=counts_where("goes_on"))


@dataclass(frozen=True, kw_only=True)
class FrameRound:
    """Any one round of a loop over the huge pages of a level, or over the parts of one.

    Attributes:
        runs: the loop is begun.
        frame: the first frame of the page of the round (64).
        first: that of the first round (64).
        goes_on: another round follows.
        after: its frame (64).
    """

    runs: Bool
    frame: BitVec
    first: BitVec = field(metadata=counts_where("runs"))
    goes_on: Bool
    after: BitVec = field(metadata=counts_where("goes_on"))


@dataclass(frozen=True, kw_only=True)
class PageMarked:
    """What becomes of the note that a huge page's attributes are mixed, of any page of the level.

    Attributes:
        page: the first frame of the page, any (64).
        same: it has been asked whether the page has just the attributes that count, and it has.
        differs: it has been asked, and the page has not.
        cleared: the note is taken away.
        noted: it is made.
        elsewhere: a note of another slot or level is changed.
    """

    page: BitVec
    same: Bool
    differs: Bool
    cleared: Bool
    noted: Bool
    elsewhere: Bool


@dataclass(frozen=True, kw_only=True)
class RangeMarked:
    """The notes after the attributes of a range have been set.

    Attributes:
        levels: the loop over levels.
        whole: that over the pages of a level that the range holds as a whole.
        marked: the notes of any page.
        start: the first frame of the range (64).
        end: the first one behind it (64).
        base: the first frame of its slot (64).
        pages: how many frames the slot has (64).
        evidence: how it came about.
    """

    levels: LevelRound
    whole: FrameRound
    marked: PageMarked
    start: BitVec
    end: BitVec
    base: BitVec
    pages: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class SlotMarked:
    """The notes of a new slot.

    Attributes:
        levels: the loop over levels.
        frames: that over the pages of a level.
        marked: the notes of any page; the attributes that count are those of its first frame.
        base: the first frame of the slot (64).
        pages: how many frames it has (64).
        evidence: how it came about.
    """

    levels: LevelRound
    frames: FrameRound
    marked: PageMarked
    base: BitVec
    pages: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class PageCompared:
    """Whether a huge page has just some attributes.

    Attributes:
        level: its level.
        gfn: its first frame (64).
        attributes: the attributes (64).
        asked: all of its frames are compared one by one, with all attributes.
        same: they all have just these.
        parts: the loop over its parts, which are the pages of the next lower level.
        unmixed: it has been asked whether the part of the round is noted as mixed, and it is not.
        asks_small: the note of a small page is asked for, which has none.
        part_attributes: the attributes of its first frame (64).
        answer: what is told.
        evidence: how it came about.
    """

    level: int
    gfn: BitVec
    attributes: BitVec
    asked: Bool
    same: Bool = field(metadata=counts_where("asked"))
    parts: FrameRound
    unmixed: Bool
    asks_small: Bool
    part_attributes: BitVec
    answer: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class RangeReadied:
    """What is done before the attributes of a range are set.

    Attributes:
        levels: the loop over levels.
        page: the first frame of a huge page of the level, any (64).
        mixed: it has been asked whether the page is noted as mixed, and it is.
        invalidated: faults in just this page are invalidated until the attributes are set.
        start: the first frame of the range (64).
        end: the first one behind it (64).
        base: the first frame of its slot (64).
        pages: how many frames the slot has (64).
        becomes_private: the range is to be private.
        unmapped: what maps the range is taken away.
        of_shared: that means what maps it as shared memory.
        of_private: that means what maps it as private memory.
        due: a flush is due then.
        answer: what is told: that a flush is due.
        evidence: how it came about.
    """

    levels: LevelRound
    page: BitVec
    mixed: Bool
    invalidated: Bool
    start: BitVec
    end: BitVec
    base: BitVec
    pages: BitVec
    becomes_private: Bool
    unmapped: Bool
    of_shared: Bool = field(metadata=counts_where("unmapped"))
    of_private: Bool = field(metadata=counts_where("unmapped"))
    due: Bool
    answer: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class MixedNoted:
    """What is noted of a huge page, and what is read of it then.

    Attributes:
        noted: what one says of the page that has been noted as mixed.
        cleared: the same after that note has been taken away.
        of_page: each time it is the note of that page of the slot.
        before: what a slot holds of the page: how often no page may be huge there, and the note (32).
        set: the same after the note (32).
        unset: the same after it has been taken away (32).
        evidence: how it came about.
    """

    noted: Bool
    cleared: Bool
    of_page: Bool
    before: BitVec
    set: BitVec
    unset: BitVec
    evidence: Evidence


class MixedAttributes(ABC):
    """What KVM notes of mixed attributes."""

    @abstractmethod
    def readied(self) -> RangeReadied:
        """``kvm_arch_pre_set_memory_attributes()``."""

    @abstractmethod
    def of_range(self) -> RangeMarked:
        """``kvm_arch_post_set_memory_attributes()``."""

    @abstractmethod
    def of_slot(self) -> SlotMarked:
        """``kvm_mmu_init_memslot_memory_attributes()``."""

    @abstractmethod
    def compared(self, level: int) -> PageCompared:
        """``hugepage_has_attrs()``, of a level from 2 on."""

    @abstractmethod
    def noted(self) -> MixedNoted:
        """``hugepage_set_mixed()`` and ``hugepage_clear_mixed()``, by what ``hugepage_test_mixed()`` says then."""
