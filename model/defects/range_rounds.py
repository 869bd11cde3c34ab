"""Defects of the loops over a range of frames."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.range_rounds import ReferenceRangeRounds
from mmuproof.smt.terms import Bool, eq, var

_TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"


class _SparesHugePages(ReferenceRangeRounds):
    def _is_leaf(self) -> Bool:
        return eq(var("iter.level after some rounds", 32), 1)


class _ForgetsEarlier(ReferenceRangeRounds):
    def _due_after(self, zapped: Bool) -> Bool:
        return zapped


def _rounds(variant: type[ReferenceRangeRounds]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, range_rounds=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "zap-spares-huge-pages",
        "The TDP MMU leaves huge pages mapped that are to be taken away.",
        _TDP_MMU_C,
        r"!is_last_spte\(iter\.old_spte, iter\.level\)\)(\s+continue;"
        r"\s+tdp_mmu_iter_set_spte\(kvm, &iter, SHADOW_NONPRESENT_VALUE\);\s+/\*\s+\* Zappings)",
        r"iter.level != PG_LEVEL_4K)\1",
        _rounds(_SparesHugePages),
    ),
    defect(
        "zap-forgets-earlier-flush",
        "The TDP MMU forgets a flush that is due when it comes to an entry that maps no page.",
        _TDP_MMU_C,
        r"(if \(!is_shadow_present_pte\(iter\.old_spte\) \|\|\s+!is_last_spte\(iter\.old_spte, iter\.level\)\))"
        r"(\s+continue;\s+tdp_mmu_iter_set_spte\(kvm, &iter, SHADOW_NONPRESENT_VALUE\);\s+)"
        r"(/\*\s+\* Zappings[^/]*\*/\s+)if \(!root->role\.invalid\)\s+flush = true;",
        r"flush = is_shadow_present_pte(iter.old_spte) && is_last_spte(iter.old_spte, iter.level) &&"
        r" !root->role.invalid;\n\1\2",
        _rounds(_ForgetsEarlier),
    ),
)
