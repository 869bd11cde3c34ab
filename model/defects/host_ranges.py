"""Defects of what is done when the host takes memory away."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.host_ranges import SlotInRange
from mmuproof.model.reference.host_ranges import ReferenceHostRanges
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, boolean, ite, negate, ult

_KVM_MAIN_C = "virt/kvm/kvm_main.c"


class _LastPageLeft(ReferenceHostRanges):
    def _behind(self, base: BitVec, last: BitVec) -> BitVec:
        return base + (last >> 12)


class _UnmapsFirstSpaceOnly(ReferenceHostRanges):
    def _unmaps(self, seen: Bool, space: int) -> Bool:
        return all_of(seen, boolean(space == 0))


class _RangeNotFlushed(ReferenceHostRanges):
    def _flushed(self, due: Bool) -> Bool:
        return negate(due)


class _LastRangeOnly(ReferenceHostRanges):
    def _with_range(self, slot: SlotInRange, first: BitVec, behind: BitVec) -> tuple[BitVec, BitVec]:
        joined, end = super()._with_range(slot, first, behind)
        return joined, ite(slot.unmapped, ite(ult(slot.behind, end), slot.behind, end), end)


class _AlwaysWaits(ReferenceHostRanges):
    def _may_yield(self) -> Bool:
        return TRUE


class _SequenceKept(ReferenceHostRanges):
    def _sequence(self, sequence: BitVec) -> BitVec:
        return sequence


def _ranges(variant: type[ReferenceHostRanges]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, host_ranges=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "host-range-short",
        "Of a range that ends within a page, that page stays mapped.",
        _KVM_MAIN_C,
        r"hva_to_gfn_memslot\(hva_end \+ PAGE_SIZE - 1, slot\)",
        r"hva_to_gfn_memslot(hva_end, slot)",
        _ranges(_LastPageLeft),
    ),
    defect(
        "host-range-one-space",
        "What the host takes away stays mapped for system-management mode.",
        _KVM_MAIN_C,
        r"(for \(i = 0; i < )[^;]+(; i\+\+\) \{\n\t\tstruct interval_tree_node)",
        r"\g<1>1\2",
        _ranges(_UnmapsFirstSpaceOnly),
    ),
    defect(
        "host-range-unflushed",
        "What the host takes away stays in TLBs.",
        _KVM_MAIN_C,
        r"if \(range->flush_on_ret && ((?:r\.)?ret)\)(\n\t\tkvm_flush_remote_tlbs\(kvm\);\n\nmmu_unlock)",
        r"if (range->flush_on_ret && !\1)\2",
        _ranges(_RangeNotFlushed),
    ),
    defect(
        "host-range-not-joined",
        "Of two ranges that go away at once, faults map the end of the longer one.",
        _KVM_MAIN_C,
        r"max\(kvm->mmu_invalidate_range_end, end\)",
        r"min(kvm->mmu_invalidate_range_end, end)",
        _ranges(_LastRangeOnly),
    ),
    defect(
        "host-range-waits",
        "The lock is given up while the host may not wait.",
        _KVM_MAIN_C,
        r"(gfn_range\.may_block = )range->may_block(;\n\t\t\t/\*)",
        r"\1true\2",
        _ranges(_AlwaysWaits),
    ),
    defect(
        "host-range-sequence-kept",
        "A fault that has found its page before the memory went away maps it afterwards.",
        _KVM_MAIN_C,
        r"\n\tkvm->mmu_invalidate_seq\+\+;",
        r"",
        _ranges(_SequenceKept),
    ),
)
