"""Defects of what makes huge pages of tables of small ones."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.recovered_pages import ReferenceRecoveredPages
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool

_TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"


class _ForSmallLevel(ReferenceRecoveredPages):
    def _level(self, _above: BitVec, level: BitVec) -> BitVec:
        return level


class _OfTable(ReferenceRecoveredPages):
    def _is_small_page(self) -> Bool:
        return TRUE


class _KeepsToItself(ReferenceRecoveredPages):
    def _told(self, _due: Bool) -> Bool:
        return FALSE


class _FreesUnflushed(ReferenceRecoveredPages):
    def _flushes(self) -> Bool:
        return FALSE


def _with(variant: type[ReferenceRecoveredPages]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, recovered_pages=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "huge-spte-of-small-level",
        "A table becomes an SPTE that is made for a small page, and is read as another table.",
        _TDP_MMU_C,
        r"make_huge_spte\(kvm, iter\.old_spte, parent->level\)",
        "make_huge_spte(kvm, iter.old_spte, iter.level)",
        _with(_ForSmallLevel),
    ),
    defect(
        "huge-spte-of-table",
        "A huge page is made of an entry that leads to a table.",
        _TDP_MMU_C,
        r"tdp_root_for_each_leaf_pte\(iter, kvm, root, start, end\) \{(\s+/\*\s+\* Use the parent iterator[\s\S]*?"
        r"if \(tdp_mmu_iter_need_resched\(kvm, parent\)\)\s+return -EAGAIN;)",
        r"tdp_root_for_each_pte(iter, kvm, root, start, end) {\nif (!is_shadow_present_pte(iter.old_spte))\n"
        r"continue;\n\1",
        _with(_OfTable),
    ),
    defect(
        "recovered-yields-unflushed",
        "Others are let in although tables have been replaced that the processor may still use.",
        _TDP_MMU_C,
        r"tdp_mmu_iter_cond_resched\(kvm, &iter, flush, true\)",
        "tdp_mmu_iter_cond_resched(kvm, &iter, false, true)",
        _with(_KeepsToItself),
    ),
    defect(
        "recovered-frees-unflushed",
        "Tables that have been replaced may be freed while the processor still uses them.",
        _TDP_MMU_C,
        r"if \(flush\)\s+kvm_flush_remote_tlbs_memslot\(kvm, slot\);\s+rcu_read_unlock\(\);",
        "rcu_read_unlock();\nif (flush)\nkvm_flush_remote_tlbs_memslot(kvm, slot);",
        _with(_FreesUnflushed),
    ),
)
