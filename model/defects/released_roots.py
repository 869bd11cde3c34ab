"""Defects of how an MMU gives roots up."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.released_roots import ReferenceReleasedRoots
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, boolean

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _RootStays(ReferenceReleasedRoots):
    def _left(self, _hpa: BitVec) -> BitVec:
        return _hpa


class _LastEntryStays(ReferenceReleasedRoots):
    def _is_entry(self, _number: int, entry: BitVec) -> Bool:
        return all_of(boolean(_number < 3), super()._is_entry(_number, entry))


class _NeverFreed(ReferenceReleasedRoots):
    def _commits(self, of_tdp: Bool) -> Bool:
        return FALSE


def _releases(variant: type[ReferenceReleasedRoots]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, released_roots=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "released-root-kept",
        "A root without a page of its own stays in use after what is below it was given up.",
        _MMU_C,
        r"(\t\t\}\n)\t\tmmu->root\.hpa = INVALID_PAGE;\n(\t\tmmu->root\.pgd = 0;)",
        r"\1\2",
        _releases(_RootStays),
    ),
    defect(
        "released-entry-kept",
        "The last entry of a PAE root stays, and its page counts it on.",
        _MMU_C,
        r"for \(i = 0; i < 4; \+\+i\) \{(\s+if \(!IS_VALID_PAE_ROOT)",
        r"for (i = 0; i < 3; ++i) {\1",
        _releases(_LastEntryStays),
    ),
    defect(
        "released-unfreed",
        "Pages of roots that nobody uses any more are never freed.",
        _MMU_C,
        r"\t\tkvm_mmu_commit_zap_page\(kvm, &\w+\);\n(\t\twrite_unlock[^\n]*\n\t\}\n\}\nEXPORT_\w*\(kvm_mmu_free_root)",
        r"\1",
        _releases(_NeverFreed),
    ),
)
