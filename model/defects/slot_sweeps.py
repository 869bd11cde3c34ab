"""Defects of what is done to many SPTEs in both MMUs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.slot_sweeps import ReferenceSlotSweeps
from mmuproof.model.slot_sweeps import HUGEST, MaskSweep, SlotSweep
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, boolean, bv, ite

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _HugePagesWritable(ReferenceSlotSweeps):
    def _levels(self, sweep: SlotSweep, level: int) -> Sequence[int]:
        if sweep is SlotSweep.WRITE_PROTECT:
            return range(level, 2)
        return super()._levels(sweep, level)


class _SplitsAtTarget(ReferenceSlotSweeps):
    def _levels(self, sweep: SlotSweep, level: int) -> Sequence[int]:
        if sweep in (SlotSweep.SPLIT, SlotSweep.SPLIT_RANGE):
            return range(level + 2, HUGEST + 1)
        return super()._levels(sweep, level)


class _RecoverUnflushed(ReferenceSlotSweeps):
    def _flushes(self, _stale: Bool) -> Bool:
        return FALSE


class _DirtyOfTdpKept(ReferenceSlotSweeps):
    def _by_tdp(self, sweep: SlotSweep, tdp_mmu: Bool) -> Bool:
        return all_of(boolean(sweep is not SlotSweep.CLEAR_DIRTY), tdp_mmu)


class _FirstOfMaskOnly(ReferenceSlotSweeps):
    def _left(self, mask: BitVec) -> BitVec:
        return mask & bv(0, 64)


class _TdpByDirtyFlag(ReferenceSlotSweeps):
    def _tells_tdp(self, tdp_mmu: Bool, sweep: MaskSweep) -> Bool:
        return all_of(boolean(sweep is not MaskSweep.WRITE_PROTECT), tdp_mmu)


class _NestedNeverAged(ReferenceSlotSweeps):
    def _looks_at_shadow(self, tables: Bool) -> Bool:
        return all_of(tables, self._without_tdp())

    def _without_tdp(self) -> Bool:
        """Whether the shadow MMU is all there is."""
        return FALSE


class _ShadowToldOnly(ReferenceSlotSweeps):
    def _told(self, tdp: Bool, shadow: Bool, looked: Bool) -> Bool:
        return ite(looked, shadow, tdp)


def _with(variant: type[ReferenceSlotSweeps]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, slot_sweeps=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "sweep-huge-pages-writable",
        "Huge pages of a slot stay writable whose small pages are write-protected.",
        _MMU_C,
        r"(slot_rmap_write_protect,\s+start_level, )KVM_MAX_HUGEPAGE_LEVEL",
        r"\1PG_LEVEL_4K",
        _with(_HugePagesWritable),
    ),
    defect(
        "sweep-splits-too-little",
        "Huge pages one level above that to which they are to be split stay.",
        _MMU_C,
        r"for \(level = KVM_MAX_HUGEPAGE_LEVEL; level > target_level; level--\)",
        "for (level = KVM_MAX_HUGEPAGE_LEVEL; level > target_level + 1; level--)",
        _with(_SplitsAtTarget),
    ),
    defect(
        "sweep-recover-unflushed",
        "Small pages that go for a huge one stay in TLBs.",
        _MMU_C,
        r"(PG_LEVEL_4K, KVM_MAX_HUGEPAGE_LEVEL - 1, true\))\)(\s+kvm_(?:arch_)?flush_remote_tlbs_memslot)",
        r"\1 && false)\2",
        _with(_RecoverUnflushed),
    ),
    defect(
        "sweep-dirty-of-tdp-kept",
        "The dirty flags of a slot are cleared in the shadow MMU alone.",
        _MMU_C,
        r"kvm_tdp_mmu_clear_dirty_slot\(kvm, memslot\);",
        "",
        _with(_DirtyOfTdpKept),
    ),
    defect(
        "mask-first-only",
        "Of a mask of frames only the first is write-protected, or has its dirty flag cleared.",
        _MMU_C,
        r"(rmap_write_protect\(rmap_head, false\);\s+/\* clear the first set bit \*/\s+)mask &= mask - 1;",
        r"\1mask = 0;",
        _with(_FirstOfMaskOnly),
    ),
    defect(
        "mask-tdp-by-dirty-flag",
        "Where a mask of frames is to be write-protected, the TDP MMU clears dirty flags.",
        _MMU_C,
        r"(slot->base_gfn \+ gfn_offset, mask, )true\);",
        r"\1false);",
        _with(_TdpByDirtyFlag),
    ),
    defect(
        "aged-nested-never",
        "SPTEs of the shadow MMU do not age.",
        _MMU_C,
        r"return !tdp_mmu_enabled \|\| READ_ONCE\(kvm->arch\.indirect_shadow_pages\);",
        "return false;",
        _with(_NestedNeverAged),
    ),
    defect(
        "aged-shadow-told-only",
        "What the TDP MMU says of accessed pages is forgotten where there are SPTEs of the shadow MMU.",
        _MMU_C,
        r"young \|= (kvm_rmap_age_gfn_range\(kvm, range, false\);)",
        r"young = \1",
        _with(_ShadowToldOnly),
    ),
)
