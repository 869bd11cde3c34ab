"""Where KVM may use huge pages, as a proof sees it: the level chosen for a fault, and the count of what forbids it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool

HUGEST = 3
"""The highest level at which pages are mapped."""


@dataclass(frozen=True, kw_only=True)
class LevelChosen:
    """The level that is chosen for a fault, the host being able to map at all levels.

    Attributes:
        function: what chooses.
        max_level: the highest level that the fault allows.
        gfn: the fault's frame (64).
        pfn: the host's frame before (64).
        pfn_after: that to be mapped (64).
        goal_level: the level before, as wide as the kernel has it.
        goal_after: that chosen.
        executed: the fault is a fetch.
        workaround: executable huge pages are to be avoided in this VM.
        disallowed: it is noted that a huge page is to be avoided for that.
        logged: the slot's dirty pages are logged.
        is_private: the frame is private memory.
        allowed: for each level from 2 on, the fault's slot has been asked at the fault's frame, and forbids none.
        allowed_elsewhere: for each level from 2 on, nothing in the slot of the other address space forbids a page of
            that level at the frame: so it is told where that slot is asked, and anything where it is not.
        backing_asked: it has been asked at which level the memory behind is mapped.
        backing_level: that (32).
        only_guest_memory: the slot says that it has no memory of the host's beside guest memory.
        of_guest_memory: guest memory is asked, and not the host's tables.
        of_frame: what is asked is of the fault's frame and slot.
        evidence: how it came about.
    """

    function: str
    max_level: int
    gfn: BitVec
    pfn: BitVec
    pfn_after: BitVec
    goal_level: BitVec
    goal_after: BitVec
    executed: Bool
    workaround: Bool
    disallowed: Bool
    logged: Bool
    is_private: Bool
    allowed: tuple[Bool, ...]
    allowed_elsewhere: tuple[Bool, ...]
    backing_asked: Bool
    backing_level: BitVec = field(metadata=counts_where("backing_asked"))
    only_guest_memory: Bool = field(metadata=counts_where("backing_asked"))
    of_guest_memory: Bool = field(metadata=counts_where("backing_asked"))
    of_frame: Bool = field(metadata=counts_where("backing_asked"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class CountChanged:
    """What happens to the count of what forbids a huge page around a frame.

    Attributes:
        up: the frame is forbidden, and not allowed again.
        before: for each level from 2 on, the word that holds the count of the slot at the frame (32).
        after: the same afterwards.
        evidence: how it came about.
    """

    up: bool
    before: tuple[BitVec, ...]
    after: tuple[BitVec, ...]
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class LevelLowered:
    """What happens to the level of a fault where small pages may have replaced a huge one.

    Attributes:
        spte: the entry to which the walk has come (64).
        level: its level (32).
        noted: the page that it leads to is noted to stand for a huge page that would be executed; None where KVM
            takes every table for one.
        gfn: the fault's frame (64).
        pfn: the host's frame before (64).
        pfn_after: the same afterwards.
        goal_level: the level at which the page is to be mapped, as wide as the kernel has it.
        goal_after: the same afterwards.
        evidence: how it came about.
    """

    spte: BitVec
    level: BitVec
    noted: Bool | None
    gfn: BitVec
    pfn: BitVec
    pfn_after: BitVec
    goal_level: BitVec
    goal_after: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class FrameIndexed:
    """Where a slot keeps something of the page of a level around a frame.

    Attributes:
        function: what finds it.
        level: the level.
        gfn: the frame (64).
        base_gfn: the slot's first frame (64).
        pages: how many frames the slot has (64).
        index: the index of the entry (64).
        entries: how many entries the array is made with (64).
        right_place: what is found is the entry of that index, in the slot's array of that level.
        evidence: how it came about.
    """

    function: str
    level: int
    gfn: BitVec
    base_gfn: BitVec
    pages: BitVec
    index: BitVec
    entries: BitVec
    right_place: Bool
    evidence: Evidence


class HugePages(ABC):
    """Where KVM may use huge pages."""

    @abstractmethod
    def reverse_map(self, level: int) -> FrameIndexed:
        """``gfn_to_rmap()``."""

    @abstractmethod
    def slot_info(self, level: int) -> FrameIndexed:
        """``lpage_info_slot()``."""

    @abstractmethod
    def lowered(self) -> LevelLowered:
        """``disallowed_hugepage_adjust()``."""

    @abstractmethod
    def chosen(self, max_level: int) -> LevelChosen:
        """``kvm_mmu_hugepage_adjust()`` for a fault that allows levels up to one."""

    @abstractmethod
    def counted(self, up: bool) -> CountChanged:
        """``kvm_mmu_gfn_disallow_lpage()``, or ``kvm_mmu_gfn_allow_lpage()``."""
