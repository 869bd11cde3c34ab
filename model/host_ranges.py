"""What becomes of a VM when the host takes a range of its memory away, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool, var, zext

SPACES, SLOTS = 2, 1
"""How many address spaces a VM has that is not confidential, and how many slots of each the range reaches here."""


_FRAMES, _PAGES, _ADDRESSES, PAGE_SHIFT = 40, 31, 56, 12
"""How many bits frames of the guest, counts of a slot's pages and addresses of userspace have at most."""


@dataclass(frozen=True)
class SlotLies:
    """Where a slot lies, as userspace may have it: of whole pages.

    Attributes:
        base: its first frame of the guest's (64).
        pages: how many it has (64).
        address: where the host has its memory (64).
    """

    base: BitVec
    pages: BitVec
    address: BitVec


def any_slot(space: int, number: int) -> SlotLies:
    """Wherever the slot of a number in an address space may lie."""
    name = f"slot{space}{number}"
    page = zext(var(f"page of {name}->userspace_addr", _ADDRESSES - PAGE_SHIFT), 64)
    return SlotLies(
        base=zext(var(f"{name}->base_gfn", _FRAMES), 64),
        pages=zext(var(f"{name}->npages", _PAGES), 64),
        address=page << PAGE_SHIFT,
    )


@dataclass(frozen=True, kw_only=True)
class SlotInRange:
    """What becomes of a slot, some of whose memory the host takes away.

    Attributes:
        lies: where it lies.
        seen: the VM has the address space that it is in.
        unmapped: a range of its frames is unmapped.
        first: the first frame of that (64).
        behind: the first frame behind that (64).
        may_yield: it is allowed to give the lock up meanwhile.
        due: SPTEs have gone, so that a flush is due.
    """

    lies: SlotLies
    seen: Bool
    unmapped: Bool
    first: BitVec = field(metadata=counts_where("unmapped"))
    behind: BitVec = field(metadata=counts_where("unmapped"))
    may_yield: Bool = field(metadata=counts_where("unmapped"))
    due: Bool


@dataclass(frozen=True, kw_only=True)
class InvalidationCounts:
    """What faults are told of memory that goes away.

    Attributes:
        active: how many ranges go away just now (64).
        sequence: how many have gone (64).
        first: the first frame, or address of the host's, of all that go away (64).
        behind: the first one behind them (64).
    """

    active: BitVec
    sequence: BitVec
    first: BitVec
    behind: BitVec


@dataclass(frozen=True, kw_only=True)
class HostRangeGone:
    """What becomes of a VM when a range of the host's addresses begins to go away, or has gone.

    Attributes:
        start: the first address (64).
        end: the first address behind (64).
        blocks: whoever takes it away may wait.
        slots: what becomes of each slot that the range reaches.
        by_address: faults are told addresses, and not frames.
        before: what faults were told before.
        after: what they are told now.
        flushed: the TLBs are flushed before the lock is given up.
        evidence: how it came about.
    """

    start: BitVec
    end: BitVec
    blocks: Bool
    slots: tuple[SlotInRange, ...]
    by_address: bool
    before: InvalidationCounts
    after: InvalidationCounts
    flushed: Bool
    evidence: Evidence


class HostRanges(ABC):
    """Memory of the host that goes away."""

    @abstractmethod
    def begins(self) -> HostRangeGone:
        """``kvm_mmu_notifier_invalidate_range_start()``: some memory begins to go away."""

    @abstractmethod
    def ends(self) -> HostRangeGone:
        """``kvm_mmu_notifier_invalidate_range_end()``: it has gone."""
