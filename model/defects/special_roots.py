"""Defects of the tables that KVM makes above a guest's."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.special_roots import ReferenceSpecialRoots
from mmuproof.smt.terms import Bool, all_of, boolean, negate

_MMU_C = "arch/x86/kvm/mmu/mmu.c"
_PML4, _PML5 = 4, 5


class _Unclean(ReferenceSpecialRoots):
    def _is_zeroed(self, _level: int) -> Bool:
        return boolean(_level != _PML4)


class _Shared(ReferenceSpecialRoots):
    def _is_own(self, _level: int, _done: Bool) -> Bool:
        return negate(_done) if _level <= _PML4 else super()._is_own(_level, _done)


class _Missing(ReferenceSpecialRoots):
    def _has(self, _level: int, made: Bool, done: Bool, had: Bool) -> Bool:
        return all_of(super()._has(_level, made, done, had), boolean(_level != _PML5))


def _makes(variant: type[ReferenceSpecialRoots]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, special_roots=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "special-roots-unclean",
        "The table above a PAE root begins with what a page of the host's held.",
        _MMU_C,
        r"pml4_root = \(void \*\)get_zeroed_page\(",
        "pml4_root = (void *)__get_free_page(",
        _makes(_Unclean),
    ),
    defect(
        "special-roots-shared",
        "One page is the PAE root and the table above it.",
        _MMU_C,
        r"mmu->pml4_root = pml4_root;",
        "mmu->pml4_root = pae_root;",
        _makes(_Shared),
    ),
    defect(
        "special-roots-missing",
        "A root of five levels goes without the table of the fifth.",
        _MMU_C,
        r"mmu->pml5_root = pml5_root;",
        "mmu->pml5_root = NULL;",
        _makes(_Missing),
    ),
)
