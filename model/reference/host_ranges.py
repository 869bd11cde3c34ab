"""What Linux 7.2.13 does when the host takes memory of a VM away."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.host_ranges import (
    PAGE_SHIFT,
    SLOTS,
    SPACES,
    HostRangeGone,
    HostRanges,
    InvalidationCounts,
    SlotInRange,
    any_slot,
)
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bv, eq, ite, ne, negate, ult, var, zext

_START, _END = var("range->start", 64), var("range->end", 64)


class ReferenceHostRanges(ReferenceArea, HostRanges):
    """``kvm_mmu_notifier_invalidate_range_start()`` and ``kvm_mmu_notifier_invalidate_range_end()``."""

    def begins(self) -> HostRangeGone:
        """See `HostRanges.begins`."""
        slots = tuple(self._slot(space, number) for space in range(SPACES) for number in range(SLOTS))
        before = self._before()
        alone = eq(before.active, 0)
        first, behind = (ite(alone, bv(-1, 64), each) for each in (before.first, before.behind))
        for slot in slots:
            first, behind = self._with_range(slot, first, behind)
        after = InvalidationCounts(
            active=self._active(before.active), sequence=before.sequence, first=first, behind=behind
        )
        return self._gone(slots, before, after, flushed=self._flushed(any_of(*(slot.due for slot in slots))))

    def ends(self) -> HostRangeGone:
        """See `HostRanges.ends`."""
        slots = tuple(self._left(0, number) for number in range(SLOTS))
        before = self._before()
        after = InvalidationCounts(
            active=before.active - 1, sequence=self._sequence(before.sequence), first=before.first, behind=before.behind
        )
        return self._gone(slots, before, after, flushed=negate(TRUE))

    def _gone(
        self, slots: tuple[SlotInRange, ...], before: InvalidationCounts, after: InvalidationCounts, *, flushed: Bool
    ) -> HostRangeGone:
        return HostRangeGone(
            start=_START,
            end=_END,
            blocks=ne(var("range->flags", 32) & 1, 0),
            slots=slots,
            by_address=False,
            before=before,
            after=after,
            flushed=flushed,
            evidence=Evidence(),
        )

    def _before(self) -> InvalidationCounts:
        return InvalidationCounts(
            active=var("kvm->mmu_invalidate_in_progress", 64),
            sequence=var("kvm->mmu_invalidate_seq", 64),
            first=var("kvm->mmu_invalidate_range_start", 64),
            behind=var("kvm->mmu_invalidate_range_end", 64),
        )

    def _slot(self, space: int, number: int) -> SlotInRange:
        left = self._left(space, number)
        base, address, size = left.lies.base, left.lies.address, left.lies.pages << PAGE_SHIFT
        low, high = _larger(_START, address), _smaller(_END, address + size)
        calls = space * SLOTS + number
        tag = "kvm_unmap_gfn_range()" + (f"#{calls + 1}" if calls else "")
        unmapped = self._unmaps(left.seen, space)
        return SlotInRange(
            lies=left.lies,
            seen=left.seen,
            unmapped=unmapped,
            first=base + zext((low - address) >> PAGE_SHIFT, 64),
            behind=self._behind(base, high - address),
            may_yield=self._may_yield(),
            due=all_of(unmapped, ne(var(tag, 1), 0)),
        )

    def _left(self, space: int, number: int) -> SlotInRange:
        """A slot of which nothing is unmapped."""
        nothing = var("nothing", 64)
        confidential = ne(var("kvm->arch.has_private_mem", 1), 0)
        return SlotInRange(
            lies=any_slot(space, number),
            seen=negate(confidential) if space else TRUE,
            unmapped=negate(TRUE),
            first=nothing,
            behind=nothing,
            may_yield=negate(TRUE),
            due=negate(TRUE),
        )

    def _unmaps(self, seen: Bool, _space: int) -> Bool:
        """Whether the range is unmapped of a slot, by whether the VM has its address space."""
        return seen

    def _may_yield(self) -> Bool:
        """Whether the lock may be given up while frames are unmapped."""
        return ne(var("range->flags", 32) & 1, 0)

    def _behind(self, base: BitVec, last: BitVec) -> BitVec:
        """The first frame that is not unmapped, by how far into the slot the range reaches."""
        return base + ((last + (1 << PAGE_SHIFT) - 1) >> PAGE_SHIFT)

    def _with_range(self, slot: SlotInRange, first: BitVec, behind: BitVec) -> tuple[BitVec, BitVec]:
        """What faults are told of all that goes away, with a slot's range added."""
        alone = eq(first, -1)
        return (
            ite(slot.unmapped, ite(alone, slot.first, _smaller(first, slot.first)), first),
            ite(slot.unmapped, ite(alone, slot.behind, _larger(behind, slot.behind)), behind),
        )

    def _active(self, active: BitVec) -> BitVec:
        """How many ranges go away, by how many did before."""
        return active + 1

    def _sequence(self, sequence: BitVec) -> BitVec:
        """How many ranges have gone, by how many had before."""
        return sequence + 1

    def _flushed(self, due: Bool) -> Bool:
        """Whether the TLBs are flushed, by whether that is due."""
        return due


def _smaller(one: BitVec, other: BitVec) -> BitVec:
    return ite(ult(one, other), one, other)


def _larger(one: BitVec, other: BitVec) -> BitVec:
    return ite(ult(one, other), other, one)
