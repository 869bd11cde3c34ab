"""Defects of the root that stands for tables a guest cannot have."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.dummy_roots import ReferenceDummyRoots
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, BitVec, Bool

_SPTE_H = "arch/x86/kvm/mmu/spte.h"


class _FrameBehindZeros(ReferenceDummyRoots):
    def _frame(self) -> BitVec:
        return super()._frame() + 1


class _NeverDummy(ReferenceDummyRoots):
    def _is_dummy(self, frame: BitVec) -> Bool:
        return FALSE


class _BitsKept(ReferenceDummyRoots):
    def _of_page(self, root: BitVec) -> BitVec:
        return root


def _stands(variant: type[ReferenceDummyRoots]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, dummy_roots=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "dummy-root-next-frame",
        "A guest whose tables cannot be had walks a page of the host's for tables.",
        _SPTE_H,
        r"return zero_pfn\(0\) << PAGE_SHIFT;",
        "return (zero_pfn(0) + 1) << PAGE_SHIFT;",
        _stands(_FrameBehindZeros),
    ),
    defect(
        "dummy-root-unknown",
        "The page of zeros is taken for a root with a page of SPTEs.",
        _SPTE_H,
        r"return is_zero_pfn\(shadow_page >> PAGE_SHIFT\);",
        "return false;",
        _stands(_NeverDummy),
    ),
    defect(
        "root-page-with-flags",
        "The page of a root is sought by an address with the flags of its entry.",
        _SPTE_H,
        r"return to_shadow_page\(spte & SPTE_BASE_ADDR_MASK\);",
        "return to_shadow_page(spte);",
        _stands(_BitsKept),
    ),
)
