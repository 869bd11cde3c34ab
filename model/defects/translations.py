"""Defects of translating an address by the guest's tables."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.translations import ReferenceTranslations
from mmuproof.smt.terms import BitVec, Bool, bool_var, negate

_PAGING = "arch/x86/kvm/mmu/paging_tmpl.h"


class _OtherOffset(ReferenceTranslations):
    def _within(self, gfn: BitVec) -> BitVec:
        return gfn << 12


class _AsSupervisor(ReferenceTranslations):
    def _judged(self, access: BitVec) -> BitVec:
        return access & ~4


class _TellsNothing(ReferenceTranslations):
    def _tells(self) -> Bool:
        return negate(bool_var("an exception is wanted"))


def _with(variant: type[ReferenceTranslations]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, translations=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "translated-without-offset",
        "An address of the guest's is translated to where its page begins.",
        _PAGING,
        r"gpa \|= addr & ~PAGE_MASK;",
        "",
        _with(_OtherOffset),
    ),
    defect(
        "translated-as-supervisor",
        "A user's access that KVM makes is judged as one of the supervisor.",
        _PAGING,
        r"(r = FNAME\(walk_addr_generic\)\(&walker, vcpu, (?:w|mmu), addr, )access\);",
        r"\1access & ~(u64)PFERR_USER_MASK);",
        _with(_AsSupervisor),
    ),
    defect(
        "translated-without-fault",
        "Whoever asks is not told of the fault that the walk has met.",
        _PAGING,
        r"\*exception = walker\.fault;",
        "exception->vector = PF_VECTOR;",
        _with(_TellsNothing),
    ),
)
