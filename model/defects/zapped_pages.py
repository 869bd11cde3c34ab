"""Defects of giving pages of SPTEs up."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.zapped_pages import ReferenceZappedPages
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bv

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _StaysLinked(ReferenceZappedPages):
    def _unlinks(self) -> Bool:
        return FALSE


class _CountsTwice(ReferenceZappedPages):
    def _counts_once(self, _first: Bool) -> Bool:
        return TRUE


class _FreesRoot(ReferenceZappedPages):
    def _queues(self, _unused: Bool) -> Bool:
        return TRUE


class _TellsNobody(ReferenceZappedPages):
    def _tells(self) -> Bool:
        return FALSE


class _KeepsTdpRoots(ReferenceZappedPages):
    def _gives_up_tdp(self) -> Bool:
        return FALSE


class _FlushLost(ReferenceZappedPages):
    def _is_due(self, _due: Bool) -> Bool:
        return FALSE


class _StopsBelowRoot(ReferenceZappedPages):
    def _last(self, _level: BitVec) -> BitVec:
        return bv(3, 32)


class _KeepsNestedRoots(ReferenceZappedPages):
    def _frees_nested(self) -> Bool:
        return FALSE


def _zaps(variant: type[ReferenceZappedPages]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, zapped_pages=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "zapped-page-stays-linked",
        "Entries still lead to a page that is given up.",
        _MMU_C,
        r"(\+= kvm_mmu_page_unlink_children\(kvm, sp, invalid_list\);)\s+kvm_mmu_unlink_parents\(kvm, sp\);",
        r"\1",
        _zaps(_StaysLinked),
    ),
    defect(
        "zapped-page-uncounted-twice",
        "A page that is given up twice is taken twice from what is counted of the table that it shadows.",
        _MMU_C,
        r"if \(!sp->role\.invalid && sp_has_gptes\(sp\)\)\s+unaccount_shadowed",
        "if (sp_has_gptes(sp))\n\t\tunaccount_shadowed",
        _zaps(_CountsTwice),
    ),
    defect(
        "zapped-root-freed-in-use",
        "A root is freed that a vCPU uses.",
        _MMU_C,
        r"if \(!sp->root_count\) \{(\s+/\* Count self \*/)",
        r"if (1) {\1",
        _zaps(_FreesRoot),
    ),
    defect(
        "zapped-root-told-nobody",
        "No vCPU is told to let go of a root that is given up.",
        _MMU_C,
        r"if \(zapped_root\)\s+kvm_make_all_cpus_request\(kvm, KVM_REQ_MMU_FREE_OBSOLETE_ROOTS\);",
        "",
        _zaps(_TellsNobody),
    ),
    defect(
        "all-zapped-but-tdp-roots",
        "Where all pages are given up the roots of the TDP MMU stay.",
        _MMU_C,
        r"kvm_tdp_mmu_invalidate_roots\(kvm, KVM_DIRECT_ROOTS\);",
        "",
        _zaps(_KeepsTdpRoots),
    ),
    defect(
        "root-emptied-to-1g",
        "Entries of the TDP MMU above 1 GByte stay below a root that is given up.",
        "arch/x86/kvm/mmu/tdp_mmu.c",
        r"__tdp_mmu_zap_root\(kvm, root, shared, root->role\.level\);",
        "__tdp_mmu_zap_root(kvm, root, shared, PG_LEVEL_1G);",
        _zaps(_StopsBelowRoot),
    ),
    defect(
        "left-behind-roots-of-l1",
        "A vCPU keeps roots for L1's nested tables that memory slots have left behind.",
        _MMU_C,
        r"__kvm_mmu_free_obsolete_roots\(vcpu->kvm, &vcpu->arch\.guest_mmu\);",
        "",
        _zaps(_KeepsNestedRoots),
    ),
    defect(
        "late-flush-lost",
        "A flush that is due is done only where pages are freed.",
        _MMU_C,
        r"if \(!remote_flush && list_empty\(invalid_list\)\)\s+return false;",
        "if (list_empty(invalid_list))\n\t\treturn false;",
        _zaps(_FlushLost),
    ),
)
