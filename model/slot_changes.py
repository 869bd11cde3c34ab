"""What is made of a memory slot when it comes, and taken away when it goes, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.listed_pages import ListedPage
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, eq, ult

ROOM = 4
"""How many huge pages a slot that is looked at has at most."""
_BITS, _PAGE_SHIFT, _LOWEST = 9, 12, 2


@dataclass(frozen=True, kw_only=True)
class ArraysMade:
    """What a new slot notes of its huge pages of one level.

    Attributes:
        level: the level.
        base: the slot's first frame (64).
        pages: how many frames it has (64).
        address: where userspace has it (64).
        small: the slot touches no more huge pages than are looked at.
        succeeds: such a slot is made.
        put: such a slot has a new array for the level.
        length: how many entries it has (64).
        forbidden: of its entries, those that forbid a huge page, in their order.
        has_rmaps: lists of what maps its frames are needed.
        makes_rmaps: they are made.
        evidence: how it came about.
    """

    level: int
    base: BitVec
    pages: BitVec
    address: BitVec
    small: Bool
    succeeds: Bool
    put: Bool
    length: BitVec = field(metadata=counts_where("put"))
    forbidden: tuple[Bool, ...] = field(metadata=counts_where("put"))
    has_rmaps: Bool
    makes_rmaps: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class SlotGone:
    """What is taken away with a slot.

    Attributes:
        all_given_up: all pages are given up.
        ended: what is left of that for later is done too.
        range_taken: all that maps the slot's frames is taken away, private or not.
        tables_taken: the pages that shadow tables in the slot are too, and what is due is flushed.
        evidence: how it came about.
    """

    all_given_up: Bool
    ended: Bool
    range_taken: Bool
    tables_taken: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class TablesGone:
    """How pages go that shadow tables in a slot, any round standing for all.

    Attributes:
        none: there are no pages of SPTEs in the shadow MMU.
        first: the first number of a frame in the slot at which is looked (64).
        number: the number in this round (64).
        pages: how many frames the slot has (64).
        looks: pages that shadow the frame of this number are looked for.
        page: one of those that may.
        given_up: that page is given up.
        after: the number in the next round (64).
        goes_on: there is one.
        due: a flush is due.
        yields: the lock is given up.
        flushed_between: what is due is flushed before.
        flushed_after: what is due is flushed in the end.
        ends: the end comes in this round.
        evidence: how it came about.
    """

    none: Bool
    first: BitVec
    number: BitVec
    pages: BitVec
    looks: Bool
    page: ListedPage
    given_up: Bool
    after: BitVec = field(metadata=counts_where("goes_on"))
    goes_on: Bool
    due: Bool
    yields: Bool
    flushed_between: Bool
    flushed_after: Bool
    ends: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class SlotsZapped:
    """How a range of frames goes in each slot of each address space, any round standing for all.

    Attributes:
        needed: there may be SPTEs of the shadow MMU.
        spaces: how many address spaces the VM has (32).
        first_space: the first that is looked at (32).
        space: that of this round (32).
        looks: its slots are looked for from the range's first frame on.
        space_after: that of the next round (32).
        next_space: there is one.
        there: a slot with frames of the range is found.
        start: the first frame of the range (64).
        end: the frame after its last one (64).
        base: the first frame of the slot (64).
        pages: how many frames it has (64).
        zaps: what maps frames of it is taken away.
        zap_start: the first of these frames (64).
        zap_end: the frame after the last of them (64).
        told_due: whether a flush is due from before is told.
        due_kept: what comes of it is remembered.
        answer_due: the answer is whether a flush is due.
        evidence: how it came about.
    """

    needed: Bool
    spaces: BitVec
    first_space: BitVec
    space: BitVec
    looks: Bool
    space_after: BitVec = field(metadata=counts_where("next_space"))
    next_space: Bool
    there: Bool
    start: BitVec
    end: BitVec
    base: BitVec
    pages: BitVec
    zaps: Bool
    zap_start: BitVec = field(metadata=counts_where("zaps"))
    zap_end: BitVec = field(metadata=counts_where("zaps"))
    told_due: Bool = field(metadata=counts_where("zaps"))
    due_kept: Bool = field(metadata=counts_where("zaps"))
    answer_due: Bool
    evidence: Evidence


def is_looked_at(level: int, base: BitVec, pages: BitVec, address: BitVec) -> Bool:
    """Whether a slot touches no more huge pages of a level than are looked at.

    Args:
        level: the level, above which there are none that are looked at.
        base: the slot's first frame (64).
        pages: how many frames it has (64).
        address: where userspace has it (64).
    """
    lowest = _touches_few(_BITS, base, pages)
    if level == _LOWEST:
        return lowest
    # Of the smaller huge pages there are too many to be looked at: none of them is forbidden.
    apart, last = ((each & (1 << _BITS) - 1) for each in (base ^ (address >> _PAGE_SHIFT), base + pages))
    return any_of(lowest, all_of(_touches_few((level - 1) * _BITS, base, pages), eq(apart, 0), eq(last, 0)))


def _touches_few(shift: int, base: BitVec, pages: BitVec) -> Bool:
    return ult(((base + pages - 1) >> shift) - (base >> shift), ROOM)


class SlotChanges(ABC):
    """Slots that come and go."""

    @abstractmethod
    def arrays(self, level: int) -> ArraysMade:
        """``kvm_alloc_memslot_metadata()``."""

    @abstractmethod
    def gone(self) -> SlotGone:
        """``kvm_arch_flush_shadow_memslot()``, or ``kvm_mmu_invalidate_zap_pages_in_memslot()``."""

    @abstractmethod
    def tables_gone(self) -> TablesGone | None:
        """``kvm_mmu_zap_memslot_pages_and_flush()``; None where all pages are given up with a slot."""

    @abstractmethod
    def zapped(self) -> SlotsZapped:
        """``kvm_rmap_zap_gfn_range()``."""
