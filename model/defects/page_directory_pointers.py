"""Defects of loading PDPTEs."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.page_directory_pointers import ReferencePageDirectoryPointers
from mmuproof.smt.terms import FALSE, BitVec, Bool, bv, resize

_NESTED_SVM_C, _VMX_C = "arch/x86/kvm/svm/nested.c", "arch/x86/kvm/vmx/vmx.c"
_REGS_C = "arch/x86/kvm/regs.c"


class _FromPageStart(ReferencePageDirectoryPointers):
    def _begins(self, cr3: BitVec) -> BitVec:
        return bv(0, 32)


class _KeepsFormerRoot(ReferencePageDirectoryPointers):
    def _gives_up(self, with_tdp: Bool, changed: Bool) -> Bool:
        return FALSE


class _NestedFromPageStart(ReferencePageDirectoryPointers):
    def _begins_nested(self, nested_cr3: BitVec) -> BitVec:
        return bv(0, 32)


class _NestedUnaligned(ReferencePageDirectoryPointers):
    def _begins_nested(self, nested_cr3: BitVec) -> BitVec:
        return resize(nested_cr3, 32) & 0xFFF


class _LastGivenTwice(ReferencePageDirectoryPointers):
    def _written(self, held: tuple[BitVec, ...]) -> tuple[BitVec, ...]:
        return (*held[:-1], held[-2])


def _pointers(variant: type[ReferencePageDirectoryPointers]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, page_directory_pointers=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "pdptes-from-page-start",
        "PDPTEs are read from the start of the page that CR3 names.",
        _REGS_C,
        r"cr3 & GENMASK\(11, 5\), sizeof\(pdpte\)",
        "0, sizeof(pdpte)",
        _pointers(_FromPageStart),
    ),
    defect(
        "pdptes-keep-root",
        "Other PDPTEs are loaded, and the root that was made by the former ones stays in use.",
        _REGS_C,
        r"if \(!tdp_enabled && memcmp\(",
        "if (tdp_enabled && memcmp(",
        _pointers(_KeepsFormerRoot),
    ),
    defect(
        "nested-pdptes-from-page-start",
        "The four entries at the nested CR3 are read from the first of its page.",
        _NESTED_SVM_C,
        r"\(cr3 & GENMASK\(11, 5\)\) \+ index",
        "index",
        _pointers(_NestedFromPageStart),
    ),
    defect(
        "nested-pdptes-unaligned",
        "The low bits of L1's nested CR3, which do not count, count where PDPTEs are read.",
        _NESTED_SVM_C,
        r"\(cr3 & GENMASK\(11, 5\)\) \+ index",
        "offset_in_page(cr3) + index",
        _pointers(_NestedUnaligned),
    ),
    defect(
        "pdptes-last-given-twice",
        "The processor is given the third PDPTE for the fourth.",
        _VMX_C,
        r"(GUEST_PDPTR3, .*pdptrs\[)3\]",
        r"\g<1>2]",
        _pointers(_LastGivenTwice),
    ),
)
