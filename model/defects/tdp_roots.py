"""Defects of how a vCPU comes by a root of the TDP MMU."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.tdp_roots import ReferenceTdpRoots
from mmuproof.smt.terms import FALSE, BitVec, Bool, eq

_TDP_MMU_C, _LEVEL, _SPACE = "arch/x86/kvm/mmu/tdp_mmu.c", 0xF, 0xFF000000


class _ByLevel(ReferenceTdpRoots):
    def _is_like(self, role: BitVec, wanted: BitVec) -> Bool:
        return eq(role & (_LEVEL | _SPACE), wanted & (_LEVEL | _SPACE))


class _Unmarked(ReferenceTdpRoots):
    def _sought(self, _mirror: Bool, role: BitVec) -> BitVec:
        return role


class _HeldOnce(ReferenceTdpRoots):
    def _is_held_twice(self) -> Bool:
        return FALSE


def _roots(variant: type[ReferenceTdpRoots]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, tdp_roots=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "tdp-root-by-level",
        "A vCPU gets any root of its address space that has as many levels as its own.",
        _TDP_MMU_C,
        r"(for_each_valid_tdp_mmu_root_yield_safe\(kvm, root, as_id\) \{\s+if \(root->role\.)word == role\.word\)",
        r"\1level == role.level)",
        _roots(_ByLevel),
    ),
    defect(
        "tdp-root-mirror-unmarked",
        "For a root that mirrors a table of TDX's, one of another kind is taken.",
        _TDP_MMU_C,
        r"if \(mirror\)\s+role\.is_mirror = true;",
        "",
        _roots(_Unmarked),
    ),
    defect(
        "tdp-root-held-once",
        "A new root is held by the vCPU that makes it, and not by the list on which it is.",
        _TDP_MMU_C,
        r"refcount_set\(&root->tdp_mmu_root_count, 2\);",
        "refcount_set(&root->tdp_mmu_root_count, 1);",
        _roots(_HeldOnce),
    ),
)
