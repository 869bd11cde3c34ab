"""Defects of translations of L2's guest-physical addresses."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.nested import ReferenceNested
from mmuproof.smt.terms import BitVec, Bool, ite, ne

_PAGING = "arch/x86/kvm/mmu/paging_tmpl.h"
_MMU_C = "arch/x86/kvm/mmu/mmu.c"
_REGS_C = "arch/x86/kvm/regs.c"
_VMX = "arch/x86/kvm/vmx/nested.c"
_SVM = "arch/x86/kvm/svm/nested.c"


class _StructureWithoutStage(ReferenceNested):
    def _structure_stage(self) -> int:
        return 0


class _StructureAsRead(ReferenceNested):
    def _structure_operation(self) -> int:
        return 0


class _FinalAsStructure(ReferenceNested):
    def _final_stage(self) -> int:
        return self.constants.PFERR_GUEST_PAGE_MASK


class _UnpagedWithoutStage(ReferenceNested):
    def _unpaged_stage(self) -> int:
        return 0


class _PdptesWithoutStage(ReferenceNested):
    def _pdptrs_stage(self) -> int:
        return 0


class _UserByCpl(ReferenceNested):
    def _cleared(self, access: BitVec) -> BitVec:
        return access


class _UserOfLastEntry(ReferenceNested):
    def _accumulated(self, above: BitVec, entry: BitVec) -> BitVec:
        return entry


class _UserAtStructures(ReferenceNested):
    def _cleared(self, access: BitVec) -> BitVec:
        is_final = ne(access & self.constants.PFERR_GUEST_FINAL_MASK, 0)
        return ite(is_final, super()._cleared(access), access)


class _UnpagedAsSupervisor(ReferenceNested):
    def _unpaged_rights(self) -> int:
        return super()._unpaged_rights() & ~self.constants.ACC_USER_MASK


class _NptAlwaysUser(ReferenceNested):
    def svm_access(self, access: BitVec, gmet: Bool) -> BitVec:
        return access | self.constants.PFERR_USER_MASK


class _NptUserDropped(ReferenceNested):
    def svm_access(self, access: BitVec, gmet: Bool) -> BitVec:
        return access


DEFECTS: tuple[Defect, ...] = (
    defect(
        "structure-access-without-stage",
        "The walk of L2's tables does not say that it accesses a paging structure.",
        _PAGING,
        r"nested_access \| PFERR_GUEST_PAGE_MASK,",
        "nested_access,",
        partial(ReferenceKvm, nested=_StructureWithoutStage),
    ),
    defect(
        "structure-access-as-read",
        "The walk of L2's tables takes its accesses to paging structures for reads.",
        _PAGING,
        r"nested_access = \(have_ad \? PFERR_WRITE_MASK : 0\) \| PFERR_USER_MASK;",
        "nested_access = PFERR_USER_MASK;",
        partial(ReferenceKvm, nested=_StructureAsRead),
    ),
    defect(
        "final-access-as-structure",
        "The walk of L2's tables says of the final address that it is a structure's.",
        _PAGING,
        r"access \| PFERR_GUEST_FINAL_MASK,(\s+&walker->fault, walker->pte_access)",
        r"access | PFERR_GUEST_PAGE_MASK,\1",
        partial(ReferenceKvm, nested=_FinalAsStructure),
    ),
    defect(
        "unpaged-access-without-stage",
        "With L2's paging off, an access does not say that its address is final.",
        _MMU_C,
        r"access \| PFERR_GUEST_FINAL_MASK,(\s+exception, ACC_ALL)",
        r"access,\1",
        partial(ReferenceKvm, nested=_UnpagedWithoutStage),
    ),
    defect(
        "pdptes-without-stage",
        "The load of L2's PDPTEs does not say that it accesses a paging structure.",
        _REGS_C,
        r"(PFERR_USER_MASK \| PFERR_WRITE_MASK) \|\s+PFERR_GUEST_PAGE_MASK(, NULL, 0)",
        r"\1\2",
        partial(ReferenceKvm, nested=_PdptesWithoutStage),
    ),
    defect(
        "nested-user-by-cpl",
        "An access at CPL 3 is put to L1's EPT as one to a user-mode address.",
        _VMX,
        r"access &= ~PFERR_USER_MASK;(\s+if \(\(pte_access)",
        r"\1",
        partial(ReferenceKvm, nested=_UserByCpl),
    ),
    defect(
        "nested-user-of-last-entry",
        "An address counts as user-mode if the last of its entries has U/S set.",
        _PAGING,
        r"(walker->pte_access = FNAME\(gpte_access\)\()pte_access \^ walk_nx_mask\)",
        r"\1pte)",
        partial(ReferenceKvm, nested=_UserOfLastEntry),
    ),
    defect(
        "nested-user-at-structures",
        "An access to a paging structure stays a user access for L1's EPT.",
        _VMX,
        r"access &= ~PFERR_USER_MASK;(\s+if \(\(pte_access)",
        r"if (access & PFERR_GUEST_FINAL_MASK)\n\t\taccess &= ~PFERR_USER_MASK;\1",
        partial(ReferenceKvm, nested=_UserAtStructures),
    ),
    defect(
        "unpaged-address-as-supervisor",
        "With L2's paging off, an address counts as supervisor-mode.",
        _MMU_C,
        r"(exception, ACC_ALL)\);",
        r"\1 & ~ACC_USER_MASK);",
        partial(ReferenceKvm, nested=_UnpagedAsSupervisor),
    ),
    defect(
        "nested-npt-always-user",
        "With GMET too, every access that KVM makes for L2 is a user access.",
        _SVM,
        r"if \(!\(svm->nested\.ctl\.misc_ctl & SVM_MISC_ENABLE_GMET\)\)(\s+access \|= PFERR_USER_MASK;)",
        r"if (1)\1",
        partial(ReferenceKvm, nested=_NptAlwaysUser),
    ),
    defect(
        "nested-npt-user-dropped",
        "Without GMET too, an access that KVM makes for L2 at CPL 0 is none of a user.",
        _SVM,
        r"(SVM_MISC_ENABLE_GMET\)\)\s+access \|= )PFERR_USER_MASK;",
        r"\g<1>0;",
        partial(ReferenceKvm, nested=_NptUserDropped),
    ),
)
