"""Defects of set-ups of MMUs: what an earlier one has left stays."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.base.cpu_role import role_value
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.set_ups import ReferenceSetUps
from mmuproof.model.reserved_bits import MmuKind, MmuRequest
from mmuproof.model.set_ups import handler_number
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, bv, eq, ite, negate

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


class _PaeWalkedAs32Bit(ReferenceSetUps):
    def _walk_of(self, kind: MmuKind, paging: Bool, wide: Bool, role: BitVec) -> BitVec:
        pae = eq(role_value(role, "level"), 3)
        return super()._walk_of(kind, paging, all_of(wide, negate(pae)), role)


class _PaeShadowedAs32Bit(ReferenceSetUps):
    def _handlers(self, kind: MmuKind, request: MmuRequest, role: BitVec, sync: BitVec) -> Mapping[str, BitVec]:
        found, pae = dict(super()._handlers(kind, request, role, sync)), eq(role_value(role, "level"), 3)
        if kind is MmuKind.SHADOW:
            for name in ("page_fault", "sync_spte"):
                found[name] = ite(pae, bv(handler_number(f"paging32_{name}"), 32), found[name])
        return found


class _PaeSyncedAs32Bit(ReferenceSetUps):
    def _shadow_sync(self, paging: Bool, wide: Bool, before: BitVec) -> BitVec:
        return super()._shadow_sync(paging, FALSE, before)


class _UnpagedFaultsByTdp(ReferenceSetUps):
    def _shadow_fault(self, kind: MmuKind, paging: Bool, wide: Bool) -> BitVec:
        fault = super()._shadow_fault(kind, paging, wide)
        return ite(paging, fault, bv(handler_number("kvm_tdp_page_fault"), 32))


DEFECTS: tuple[Defect, ...] = (
    defect(
        "pae-walked-as-32-bit",
        "A guest's tables of PAE paging are walked as if they were of 32-bit paging.",
        _MMU_C,
        r"else if \(is_cr4_pae\((\w+)\)\)(\s+\w+->gva_to_gpa = paging64_gva_to_gpa;)",
        r"else if (\1->cpu_role.base.level > PT32E_ROOT_LEVEL)\2",
        partial(ReferenceKvm, set_ups=_PaeWalkedAs32Bit),
    ),
    defect(
        "pae-shadowed-as-32-bit",
        "Faults of a guest with PAE paging, and its SPTEs, are handled as those of 32-bit paging.",
        _MMU_C,
        r"else if \(is_cr4_pae\(context(?:->w)?\)\)(\s+paging64_init_context)",
        r"else if (context->root_role.level > PT32E_ROOT_LEVEL)\1",
        partial(ReferenceKvm, set_ups=_PaeShadowedAs32Bit),
    ),
    defect(
        "pae-synced-as-32-bit",
        "SPTEs of tables with entries of eight bytes are brought up to date from entries of four.",
        _MMU_C,
        r"context->sync_(spte|page) = paging64_sync_\1;",
        r"context->sync_\1 = paging32_sync_\1;",
        partial(ReferenceKvm, set_ups=_PaeSyncedAs32Bit),
    ),
    defect(
        "unpaged-faults-by-tdp",
        "Without paging, faults are handled as with TDP where tables are shadowed.",
        _MMU_C,
        r"context->page_fault = nonpaging_page_fault;",
        "context->page_fault = kvm_tdp_page_fault;",
        partial(ReferenceKvm, set_ups=_UnpagedFaultsByTdp),
    ),
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
