"""Defects of choosing where huge pages may be."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.huge_pages import ReferenceHugePages
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import BitVec, Bool, bv, eq, ite, var

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _SlotForbids(ReferenceHugePages):
    def _level(self, level: BitVec, by_slot: BitVec) -> BitVec:
        return ite(eq(by_slot, 2), bv(3, 32), level)


class _BeyondBacking(ReferenceHugePages):
    def _level(self, _level: BitVec, by_slot: BitVec) -> BitVec:
        return by_slot


class _PrivateOnly(ReferenceHugePages):
    def _is_guest_memory(self, private: Bool, _only: Bool) -> Bool:
        return private


class _KeepsFrame(ReferenceHugePages):
    def _first(self, _pages: BitVec) -> BitVec:
        return var("fault->pfn", 64)


class _OneLevel(ReferenceHugePages):
    def _counts(self, level: int) -> bool:
        return level == 2


class _LowersToFirst(ReferenceHugePages):
    def _small_frame(self, _mask: BitVec) -> BitVec:
        return var("fault->pfn", 64)


class _CountsPages(ReferenceHugePages):
    def _entries(self, base: BitVec, pages: BitVec, level: int) -> BitVec:
        return self._index(pages - 1, bv(0, 64), level) + 1


def _pages(variant: type[ReferenceHugePages]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, huge_pages=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "huge-page-where-slot-forbids",
        "A fault gets a huge page of 1 GByte where the slot allows one of 2 MByte.",
        _MMU_C,
        r"return min\(host_level, max_level\);",
        "return max_level == PG_LEVEL_2M ? PG_LEVEL_1G : min(host_level, max_level);",
        _pages(_SlotForbids),
    ),
    defect(
        "huge-page-of-other-memory",
        "A fault in a slot that has guest memory only gets a page as large as the host maps something there.",
        _MMU_C,
        r"if \(is_private \|\| kvm_memslot_is_gmem_only\(slot\)\)",
        "if (is_private)",
        _pages(_PrivateOnly),
    ),
    defect(
        "huge-page-beyond-backing",
        "A fault gets a larger page than the host maps there.",
        _MMU_C,
        r"return min\(host_level, max_level\);",
        "return max_level;",
        _pages(_BeyondBacking),
    ),
    defect(
        "huge-page-keeps-frame",
        "A huge page is mapped with the fault's frame instead of its first one.",
        _MMU_C,
        r"fault->pfn &= ~mask;",
        "",
        _pages(_KeepsFrame),
    ),
    defect(
        "huge-page-count-one-level",
        "What forbids huge pages is counted for pages of 2 MByte only.",
        _MMU_C,
        r"linfo->disallow_lpage \+= count;",
        "if (i == PG_LEVEL_2M)\nlinfo->disallow_lpage += count;",
        _pages(_OneLevel),
    ),
    defect(
        "lowered-level-keeps-frame",
        "A page at a lower level is mapped with the first frame of the huge page around it.",
        _MMU_C,
        r"fault->pfn \|= fault->gfn & page_mask;",
        "",
        _pages(_LowersToFirst),
    ),
    defect(
        "slot-arrays-by-size",
        "An array of a slot has an entry for each huge page that the slot is long, wherever it begins.",
        "arch/x86/kvm/mmu.h",
        r"return gfn_to_index\(slot->base_gfn \+ npages - 1,\s+slot->base_gfn, level\) \+ 1;",
        "return gfn_to_index(npages - 1, 0, level) + 1;",
        _pages(_CountsPages),
    ),
)
