"""Defects of how a walk of the TDP MMU lets others in."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.walk_yields import ReferenceWalkYields
from mmuproof.smt.terms import FALSE, Bool

_TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"


class _FlushesShared(ReferenceWalkYields):
    def _is_flushed(self, shared: Bool) -> Bool:
        return shared


class _GoesOnBlindly(ReferenceWalkYields):
    def _notes(self, _lets_in: Bool) -> Bool:
        return FALSE


def _with(variant: type[ReferenceWalkYields]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, walk_yields=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "yield-unflushed-when-exclusive",
        "A walk that holds its lock alone lets others in although a flush is due.",
        _TDP_MMU_C,
        r"if \(flush\)(\s+kvm_flush_remote_tlbs\(kvm\);\s+rcu_read_unlock\(\);)",
        r"if (flush && shared)\1",
        _with(_FlushesShared),
    ),
    defect(
        "yield-unnoted",
        "A walk goes on with an entry of a table that may have been freed.",
        _TDP_MMU_C,
        r"(WARN_ON(?:_ONCE)?\(iter->gfn > iter->next_last_level_gfn\);\s+)iter->yielded = true;",
        r"\1;",
        _with(_GoesOnBlindly),
    ),
)
