"""Defects of mapping pages that are asked for."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.asked_mappings import ReferenceAskedMappings
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, any_of, eq

_MMU_C, _EMULATE = "arch/x86/kvm/mmu/mmu.c", 2


class _ToldMappedAhead(ReferenceAskedMappings):
    def _tells_mapped(self, mapped: Bool, result: BitVec) -> Bool:
        return any_of(mapped, eq(result, _EMULATE))


class _PrivateThoughTracked(ReferenceAskedMappings):
    def _refuses(self, _tracked: Bool) -> Bool:
        return FALSE


class _PrivateAlwaysTold(ReferenceAskedMappings):
    def _tells_success(self, _fixed: Bool) -> Bool:
        return TRUE


class _PrivateHuge(ReferenceAskedMappings):
    def _largest_level(self) -> int:
        return 2


class _PrivateAsWritten(ReferenceAskedMappings):
    def _is_written(self) -> Bool:
        return TRUE


def _asked(variant: type[ReferenceAskedMappings]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, asked_mappings=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "ahead-told-mapped",
        "Userspace is told that MMIO has been mapped ahead.",
        _MMU_C,
        r"(case RET_PF_SPURIOUS:)(\s+case RET_PF_WRITE_PROTECTED:\s+return 0;\s+)"
        r"case RET_PF_EMULATE:\s+return -ENOENT;",
        r"\1\n\tcase RET_PF_EMULATE:\2",
        _asked(_ToldMappedAhead),
    ),
    defect(
        "private-though-tracked",
        "Private memory is mapped although writes to it are tracked.",
        _MMU_C,
        r"if \(kvm_gfn_is_write_tracked\(kvm, fault\.slot, fault\.gfn\)\)\s+return -EPERM;(\s+r = kvm_mmu_reload)",
        r"\1",
        _asked(_PrivateThoughTracked),
    ),
    defect(
        "private-always-told",
        "Who populates private memory is told that a page is mapped that is not.",
        _MMU_C,
        r"if \(r != RET_PF_FIXED\)\s+return -EIO;(\s+return 0;)",
        r"\1",
        _asked(_PrivateAlwaysTold),
    ),
    defect(
        "private-huge",
        "One page of private memory may be mapped as a huge one.",
        _MMU_C,
        r"\.max_level = PG_LEVEL_4K,",
        ".max_level = PG_LEVEL_2M,",
        _asked(_PrivateHuge),
    ),
    defect(
        "private-as-written",
        "Private memory is mapped as if somebody had written to it, whom nobody has asked.",
        _MMU_C,
        r"(\.pfn = pfn,\s+)(\.map_writable = true,)",
        r"\1.write = true,\n\t\t\2",
        _asked(_PrivateAsWritten),
    ),
)
