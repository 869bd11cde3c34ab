"""Defects of the MMUs that a new vCPU begins with."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.created_mmus import ReferenceCreatedMmus
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, bv, negate

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _OtherWalk(ReferenceCreatedMmus):
    def _walks(self) -> Bool:
        return FALSE


class _RootAtZero(ReferenceCreatedMmus):
    def _no_root(self) -> BitVec:
        return bv(0, 64)


class _FilledWithOnes(ReferenceCreatedMmus):
    def _fill(self) -> BitVec:
        return super()._fill() | 1


class _TableOfOnes(ReferenceCreatedMmus):
    def _no_entry(self) -> BitVec:
        return bv(1, 64)


class _NoPaeRoot(ReferenceCreatedMmus):
    def _has_table(self, tdp: Bool, deep: Bool) -> Bool:
        return all_of(tdp, negate(deep))


def _created(variant: type[ReferenceCreatedMmus]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, created_mmus=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "new-vcpu-other-mmu",
        "A new vCPU uses the MMU that is for tables of L1's.",
        _MMU_C,
        r"vcpu->arch\.mmu = &vcpu->arch\.root_mmu;(?=\s+(?:vcpu->arch\.walk_mmu = [^;]*;\s+)?ret = __kvm_mmu_create)",
        "vcpu->arch.mmu = &vcpu->arch.guest_mmu;",
        _created(_OtherWalk),
    ),
    defect(
        "new-vcpu-root-at-zero",
        "Roots that a new vCPU does not have yet are at address 0.",
        _MMU_C,
        r"(static int __kvm_mmu_create\([^;]*?\{(?s:(?!\n\}).)*?mmu->root\.hpa = )INVALID_PAGE;",
        r"\g<1>0;",
        _created(_RootAtZero),
    ),
    defect(
        "new-tables-filled-with-present-entries",
        "The entries that new tables are filled with are present.",
        _MMU_C,
        r"(mmu_shadow_page_cache\.init_value =\s+SHADOW_NONPRESENT_VALUE);",
        r"\1 | 1;",
        _created(_FilledWithOnes),
    ),
    defect(
        "new-pae-root-present",
        "The entries of a new vCPU's PAE root are present.",
        _MMU_C,
        r"mmu->pae_root\[i\] = INVALID_PAE_ROOT;(?=\s+return 0;)",
        "mmu->pae_root[i] = INVALID_PAE_ROOT | 1;",
        _created(_TableOfOnes),
    ),
    defect(
        "new-pae-root-missing",
        "A new vCPU gets no PAE root where tables are shadowed without two-dimensional paging.",
        _MMU_C,
        r"if \(tdp_enabled && kvm_mmu_get_tdp_level\(vcpu\) > PT32E_ROOT_LEVEL\)",
        "if (!tdp_enabled || kvm_mmu_get_tdp_level(vcpu) > PT32E_ROOT_LEVEL)",
        _created(_NoPaeRoot),
    ),
)
