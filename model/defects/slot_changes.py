"""Defects of slots that come and go."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.slot_changes import ReferenceSlotChanges
from mmuproof.smt.terms import FALSE, BitVec, Bool, bv

_MMU_C, _X86_C = "arch/x86/kvm/mmu/mmu.c", "arch/x86/kvm/x86.c"


class _HeadHuge(ReferenceSlotChanges):
    def _forbids_head(self, _head: Bool) -> Bool:
        return FALSE


class _UnalignedHuge(ReferenceSlotChanges):
    def _forbids_unaligned(self, _apart: Bool) -> Bool:
        return FALSE


class _NeverEnds(ReferenceSlotChanges):
    def _ends(self) -> Bool:
        return FALSE


class _LeavesFrame(ReferenceSlotChanges):
    def _takes_range(self) -> Bool:
        return FALSE


class _LeavesLastTable(ReferenceSlotChanges):
    def _bound(self, pages: BitVec) -> BitVec:
        return pages - 1


class _OneSpace(ReferenceSlotChanges):
    def _spaces(self, _spaces: BitVec) -> BitVec:
        return bv(1, 32)


class _EndsBefore(ReferenceSlotChanges):
    def _last(self, last: BitVec) -> BitVec:
        return last - 1


class _UnalignedGigabyte(ReferenceSlotChanges):
    def _aligned_to(self, level: int) -> int:
        return 2


def _slots(variant: type[ReferenceSlotChanges]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, slot_changes=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "slot-head-huge",
        "A page may be huge in which the slot begins.",
        _X86_C,
        r"if \(slot->base_gfn & \(KVM_PAGES_PER_HPAGE\(level\) - 1\)\)\s+linfo\[0\]\.disallow_lpage = 1;",
        "",
        _slots(_HeadHuge),
    ),
    defect(
        "slot-unaligned-huge",
        "Pages may be huge although frames and addresses are not aligned alike.",
        _X86_C,
        r"if \(\(slot->base_gfn \^ ugfn\) & \(KVM_PAGES_PER_HPAGE\(level\) - 1\)\)",
        "if (0)",
        _slots(_UnalignedHuge),
    ),
    defect(
        "slot-unaligned-gigabyte",
        "Pages of 1 GByte are allowed where frames and addresses are aligned alike to 2 MByte only.",
        _X86_C,
        r"if \(\(slot->base_gfn \^ ugfn\) & \(KVM_PAGES_PER_HPAGE\(level\) - 1\)\)",
        "if ((slot->base_gfn ^ ugfn) & (KVM_PAGES_PER_HPAGE(PG_LEVEL_2M) - 1))",
        _slots(_UnalignedGigabyte),
    ),
    defect(
        "slot-gone-half",
        "Where all pages are given up with a slot, what is left of that is never done.",
        _MMU_C,
        r"if \(zap_all\)\s+__kvm_mmu_zap_all_fast_back_half\(kvm\);",
        "",
        _slots(_NeverEnds),
    ),
    defect(
        "slot-gone-last-frame",
        "What maps the last frame of a slot that goes is left.",
        _MMU_C,
        r"\.end = slot->base_gfn \+ slot->npages,\n",
        ".end = slot->base_gfn + slot->npages - 1,\n",
        _slots(_LeavesFrame),
    ),
    defect(
        "slot-gone-last-table",
        "What shadows a table in the last frame of a slot that goes is left.",
        _MMU_C,
        r"for \(i = 0; i < slot->npages; i\+\+\) \{(\s+struct kvm_mmu_page \*sp;)",
        r"for (i = 0; i < slot->npages - 1; i++) {\1",
        _slots(_LeavesLastTable),
    ),
    defect(
        "zap-one-space",
        "A range of frames goes in the first address space alone.",
        _MMU_C,
        r"for \(i = 0; i < kvm_arch_nr_memslot_as_ids\(kvm\); i\+\+\) \{"
        r"(\s+slots = __kvm_memslots\(kvm, i\);\s+kvm_for_each_memslot_in_gfn_range\(&iter, slots, gfn_start)",
        r"for (i = 0; i < 1; i++) {\1",
        _slots(_OneSpace),
    ),
    defect(
        "zap-before-end",
        "Of a range that ends with a slot or in it, the last frame is left.",
        _MMU_C,
        r"(flush = __kvm_rmap_zap_gfn_range\(kvm, memslot, start,\s+end), true, flush\);",
        r"\1 - 1, true, flush);",
        _slots(_EndsBefore),
    ),
)
