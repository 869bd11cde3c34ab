"""Defects of looking for a page of SPTEs."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.found_pages import ReferenceFoundPages
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, BitVec, Bool, eq

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _OfAnyRole(ReferenceFoundPages):
    def _fits(self, page: BitVec, wanted: BitVec) -> Bool:
        return eq(page & 0xF, wanted & 0xF)


class _OutOfSync(ReferenceFoundPages):
    def _syncs(self) -> Bool:
        return FALSE


class _Unflushed(ReferenceFoundPages):
    def _flushes(self) -> Bool:
        return FALSE


def _with(variant: type[ReferenceFoundPages]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, found_pages=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "found-page-of-any-role",
        "A page of SPTEs is taken for another root's if it is for the same frame and level.",
        _MMU_C,
        r"if \(sp->role\.word != role\.word\)",
        "if (sp->role.level != role.level)",
        _with(_OfAnyRole),
    ),
    defect(
        "found-page-out-of-sync",
        "A page of SPTEs is taken although the guest has changed the table that it shadows.",
        _MMU_C,
        r"if \(sp->unsync\) \{(\s+if \(KVM_BUG_ON\(!vcpu, kvm\)\))",
        r"if (0) {\1",
        _with(_OutOfSync),
    ),
    defect(
        "found-page-unflushed",
        "A page of SPTEs is synchronized when it is taken, and hardware may keep what it has cached of it.",
        _MMU_C,
        r"if \(ret > 0\)\s+kvm_flush_remote_tlbs\(kvm\);",
        "",
        _with(_Unflushed),
    ),
)
