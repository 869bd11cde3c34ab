"""Defects of what is done with roots of the TDP MMU that are let go."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.dropped_roots import ReferenceDroppedRoots
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, Bool, negate

_TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"


class _FreesHeld(ReferenceDroppedRoots):
    def _goes(self, last: Bool) -> Bool:
        return negate(last)


class _FreedWhileListed(ReferenceDroppedRoots):
    def _unlists(self) -> Bool:
        return FALSE


def _with(variant: type[ReferenceDroppedRoots]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, dropped_roots=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "dropped-root-freed-while-held",
        "A root is freed that others hold.",
        _TDP_MMU_C,
        r"if \(!refcount_dec_and_test\(&root->tdp_mmu_root_count\)\)",
        "if (refcount_dec_and_test(&root->tdp_mmu_root_count))",
        _with(_FreesHeld),
    ),
    defect(
        "dropped-root-stays-listed",
        "A root is freed that the VM's list still has.",
        _TDP_MMU_C,
        r"list_del_rcu\(&root->link\);",
        "",
        _with(_FreedWhileListed),
    ),
)
