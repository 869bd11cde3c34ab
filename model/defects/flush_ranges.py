"""Defects of what is flushed when an entry is taken away."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.flush_ranges import ReferenceFlushRanges
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, BitVec, Bool, bv, ne

_MMU_C = "arch/x86/kvm/mmu/mmu.c"
_TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"
_WRITE_ACCESS = 2


class _KeepsAccess(ReferenceFlushRanges):
    def _has_another_access(self, access: BitVec, wanted: BitVec) -> Bool:
        return ne(access & _WRITE_ACCESS, wanted & _WRITE_ACCESS)


class _OnePage(ReferenceFlushRanges):
    def _pages_flushed(self) -> BitVec:
        return bv(1, 64)


class _NoTable(ReferenceFlushRanges):
    def _flushes_table(self) -> Bool:
        return FALSE


class _FirstEntry(ReferenceFlushRanges):
    def _own_index(self) -> int:
        return 0


def _ranges(variant: type[ReferenceFlushRanges]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, flush_ranges=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "direct-page-keeps-access",
        "A direct page stays linked unless its access differs in whether writes are allowed.",
        _MMU_C,
        r"if \(child->role\.access == direct_access\)",
        f"if (!((child->role.access ^ direct_access) & {_WRITE_ACCESS}))",
        _ranges(_KeepsAccess),
    ),
    defect(
        "tdp-map-flushes-one-page",
        "The TDP MMU flushes one page where it puts a huge page in the place of a table.",
        _TDP_MMU_C,
        r"kvm_flush_remote_tlbs_gfn\(vcpu->kvm, iter->gfn, iter->level\)",
        "kvm_flush_remote_tlbs_range(vcpu->kvm, iter->gfn & -KVM_PAGES_PER_HPAGE(iter->level), 1)",
        _ranges(_OnePage),
    ),
    defect(
        "shadow-map-flushes-no-table",
        "The shadow MMU puts a huge page in the place of a table and flushes nothing.",
        _MMU_C,
        r"(child = spte_to_child_sp\(pte\);\s+drop_parent_pte\(vcpu->kvm, child, sptep\);\s+)flush = true;",
        r"\1",
        _ranges(_NoTable),
    ),
    defect(
        "flush-keeps-frame",
        "What an entry of a direct page has translated is taken for what the first entry of its table translates.",
        _MMU_C,
        r"return sp->gfn \+ \(index << \(\(sp->role\.level - 1\) \* SPTE_LEVEL_BITS\)\);",
        "return sp->gfn;",
        _ranges(_FirstEntry),
    ),
)
