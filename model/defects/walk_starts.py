"""Defects of where walks of the guest's tables begin."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.walk_starts import ReferenceWalkStarts
from mmuproof.model.walk_starts import NestedTables
from mmuproof.smt.terms import BitVec, Bool, boolean, var

_MMU_C, _VMX_C, _SVM_C = (f"arch/x86/kvm/{each}" for each in ("mmu/mmu.c", "vmx/nested.c", "svm/nested.c"))


class _EptAtCr3(ReferenceWalkStarts):
    def _tables(self, tables: NestedTables, told: BitVec) -> BitVec:
        return var("vmx->vcpu.arch.cr3", 64) if tables is NestedTables.EPT else told


class _OwnCr3(ReferenceWalkStarts):
    def _tables(self, tables: NestedTables, told: BitVec) -> BitVec:
        return var("svm->nested.save.cr3", 64) if tables is NestedTables.NPT else told


class _FaultsToL2(ReferenceWalkStarts):
    def _faults_to_l1(self, tables: NestedTables) -> Bool:
        return boolean(tables is not NestedTables.NPT)


class _AlwaysCr3(ReferenceWalkStarts):
    def _other(self) -> BitVec:
        return var("vcpu->arch.cr3", 64)


def _begins(variant: type[ReferenceWalkStarts]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, walk_starts=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "starts-ept-at-cr3",
        "The walk of L1's EPT begins at the tables of the guest that runs.",
        _VMX_C,
        r"(get_guest_pgd\s*= )nested_ept_get_eptp;",
        r"\1kvm_read_cr3;",
        _begins(_EptAtCr3),
    ),
    defect(
        "starts-at-own-cr3",
        "The walk of L1's nested page tables begins at L2's own tables.",
        _SVM_C,
        r"return svm->nested\.ctl\.nested_cr3;",
        "return svm->nested.save.cr3;",
        _begins(_OwnCr3),
    ),
    defect(
        "starts-faults-to-l2",
        "What L1's nested page tables deny is given to L2 as a fault of its own tables.",
        _SVM_C,
        r"(inject_page_fault\s*= )nested_svm_inject_npf_exit;",
        r"\1kvm_inject_page_fault;",
        _begins(_FaultsToL2),
    ),
    defect(
        "starts-always-at-cr3",
        "Walks of any tables begin at CR3.",
        _MMU_C,
        r"return (\w+)->get_guest_pgd\(vcpu\);",
        "return kvm_read_cr3(vcpu);",
        _begins(_AlwaysCr3),
    ),
)
