"""Defects of set-ups of MMUs: what an earlier one has left stays."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.set_ups import ReferenceSetUps
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.smt.terms import BitVec, Bool, ite

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _SyncKept(ReferenceSetUps):
    def _shadow_sync(self, paging: Bool, wide: Bool, before: BitVec) -> BitVec:
        return ite(paging, super()._shadow_sync(paging, wide, before), before)


class _NestedRoleValid(ReferenceSetUps):
    def _invalidated(self, kind: MmuKind, role: BitVec) -> BitVec:
        nested = kind in (MmuKind.NESTED_EPT, MmuKind.NESTED_NPT)
        return role if nested else super()._invalidated(kind, role)


class _SpteTableOfPaging(ReferenceSetUps):
    def _makes_spte_table(self, kind: MmuKind, paging: Bool) -> Bool:
        return paging if kind is MmuKind.SHADOW else super()._makes_spte_table(kind, paging)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "unpaged-set-up-keeps-sync",
        "Without paging, SPTEs are still synced by the function of the paging mode before.",
        _MMU_C,
        r"(static void nonpaging_init_context\(struct kvm_mmu \*context\)\n\{[^}]*)\tcontext->sync_spte = NULL;\n",
        r"\1",
        partial(ReferenceKvm, set_ups=_SyncKept),
    ),
    defect(
        "cpuid-keeps-nested-role",
        "A change of CPUID leaves the CPU role of the nested MMU valid, and so its tables as they are.",
        _MMU_C,
        r"vcpu->arch\.(guest_mmu|ngpa_walk)\.cpu_role\.ext\.valid = 0;",
        "",
        partial(ReferenceKvm, set_ups=_NestedRoleValid),
    ),
    defect(
        "unpaged-set-up-keeps-spte-table",
        "Without paging, the reserved bits of SPTEs stay those of the paging mode before.",
        _MMU_C,
        r"\treset_shadow_zero_bits_mask\(vcpu, context\);",
        r"\tif (!root_role.direct)\n\t\treset_shadow_zero_bits_mask(vcpu, context);",
        partial(ReferenceKvm, set_ups=_SpteTableOfPaging),
    ),
)
