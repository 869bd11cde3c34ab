"""Defects of walks through a slot's lists."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.slot_walks import ReferenceSlotWalks
from mmuproof.smt.terms import FALSE, BitVec, Bool, any_of

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _WithoutLast(ReferenceSlotWalks):
    def _finds(self, filled: list[Bool]) -> Bool:
        return any_of(*filled[:-1])


class _FrameStays(ReferenceSlotWalks):
    def _counts_frames(self) -> Bool:
        return FALSE


class _ForgetsDue(ReferenceSlotWalks):
    def _is_due(self, _stale: Bool, changes: Bool) -> Bool:
        return changes


class _YieldsDue(ReferenceSlotWalks):
    def _flushes(self) -> Bool:
        return FALSE


class _FlushesBefore(ReferenceSlotWalks):
    def _count(self, before: BitVec) -> BitVec:
        return before


class _ToFirst(ReferenceSlotWalks):
    def _goes_to_last(self) -> Bool:
        return FALSE


def _walks(variant: type[ReferenceSlotWalks]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, slot_walks=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "slot-walk-without-last",
        "A walk through a slot ends before the last list of a level.",
        _MMU_C,
        r"while \(\+\+iterator->rmap <= iterator->end_rmap\)",
        "while (++iterator->rmap < iterator->end_rmap)",
        _walks(_WithoutLast),
    ),
    defect(
        "slot-walk-frame-of-4k",
        "A walk through a slot counts one frame for each list, of whatever level.",
        _MMU_C,
        r"iterator->gfn \+= KVM_PAGES_PER_HPAGE\(iterator->level\);",
        "iterator->gfn += 1;",
        _walks(_FrameStays),
    ),
    defect(
        "slot-walk-to-first",
        "A walk through a slot takes the first list of a level for the last one too.",
        _MMU_C,
        r"iterator->end_rmap = gfn_to_rmap\(iterator->end_gfn, level, iterator->slot\);",
        "iterator->end_rmap = gfn_to_rmap(iterator->start_gfn, level, iterator->slot);",
        _walks(_ToFirst),
    ),
    defect(
        "slot-walk-forgets-flush",
        "A walk through a slot forgets that a flush is due from lists before.",
        _MMU_C,
        r"flush \|= fn\(kvm, iterator\.rmap, slot\);",
        "flush = fn(kvm, iterator.rmap, slot);",
        _walks(_ForgetsDue),
    ),
    defect(
        "slot-walk-yields-unflushed",
        "A walk through a slot gives the lock up with a flush due, and takes it for done.",
        _MMU_C,
        r"kvm_flush_remote_tlbs_range\(kvm, start_gfn,\s+iterator\.gfn - start_gfn \+ 1\);",
        "",
        _walks(_YieldsDue),
    ),
    defect(
        "slot-walk-flushes-short",
        "A walk through a slot flushes the frames before the one at which it is.",
        _MMU_C,
        r"(kvm_flush_remote_tlbs_range\(kvm, start_gfn,\s+iterator\.gfn - start_gfn) \+ 1\);",
        r"\1);",
        _walks(_FlushesBefore),
    ),
)
