"""Defects of what bounds the size of pages."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.level_limits import ReferenceLevelLimits
from mmuproof.smt.terms import TRUE, BitVec, Bool, ult

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _HostGigabyte(ReferenceLevelLimits):
    def _of_pmd(self) -> int:
        return 3


class _GigabyteAlways(ReferenceLevelLimits):
    def _has_gigabyte(self, _has: Bool) -> Bool:
        return TRUE


class _MostForced(ReferenceLevelLimits):
    def _most(self, forced: BitVec, _most: BitVec) -> BitVec:
        return forced


class _UnpagedGigabyte(ReferenceLevelLimits):
    def _largest_unpaged(self) -> int:
        return 3


class _VendorLarger(ReferenceLevelLimits):
    def _is_smaller(self, vendor: BitVec, found: BitVec) -> Bool:
        return ult(found, vendor)


def _limits(variant: type[ReferenceLevelLimits]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, level_limits=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "host-2m-taken-for-1g",
        "A page of 2 MBytes of the host's is taken for one of 1 GByte.",
        _MMU_C,
        r"if \(pmd_leaf\(pmd\)\)\s+level = PG_LEVEL_2M;",
        "if (pmd_leaf(pmd))\n\t\tlevel = PG_LEVEL_1G;",
        _limits(_HostGigabyte),
    ),
    defect(
        "configured-1g-always",
        "Shadow paging has pages of 1 GByte on a processor that has none.",
        _MMU_C,
        r"else if \(boot_cpu_has\(X86_FEATURE_GBPAGES\)\)(\s+max_huge_page_level = PG_LEVEL_1G;)",
        r"else if (1)\1",
        _limits(_GigabyteAlways),
    ),
    defect(
        "configured-levels-swapped",
        "A root has at most as many levels as it is forced to have.",
        _MMU_C,
        r"max_tdp_level = tdp_max_root_level;",
        "max_tdp_level = tdp_forced_root_level;",
        _limits(_MostForced),
    ),
    defect(
        "unpaged-1g",
        "A guest without paging gets pages of 1 GByte in tables that have none.",
        _MMU_C,
        r"fault->max_level = PG_LEVEL_2M;(\s+return direct_page_fault)",
        r"fault->max_level = PG_LEVEL_1G;\1",
        _limits(_UnpagedGigabyte),
    ),
    defect(
        "guest-memory-larger-than-vendor",
        "A page of guest memory may be larger than the vendor's own tables can have it.",
        _MMU_C,
        r"max_level = min\(max_level, coco_level\);",
        "max_level = max(max_level, coco_level);",
        _limits(_VendorLarger),
    ),
)
