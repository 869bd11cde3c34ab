"""Defects of the TDP MMU's iterator."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.tdp_iterators import ReferenceTdpIterators
from mmuproof.smt.terms import TRUE, BitVec, Bool, boolean, var

_TDP_ITER_C = "arch/x86/kvm/mmu/tdp_iter.c"
_GFN, _GOAL = var("iter->gfn", 64), var("iter->next_last_level_gfn", 64)


class _BelowMinLevel(ReferenceTdpIterators):
    def _at_bottom(self, level: int) -> Bool:
        return boolean(level == 1)


class _PastTheTable(ReferenceTdpIterators):
    def _last(self) -> int:
        return super()._last() + 1


class _OnePageAside(ReferenceTdpIterators):
    def _pages(self, level: int) -> int:
        return 1


class _KeepsGoal(ReferenceTdpIterators):
    def _goal_aside(self, gfn: BitVec) -> BitVec:
        return _GOAL


class _StaleChild(ReferenceTdpIterators):
    def _asks_else(self, _level: int) -> Bool:
        return TRUE


class _FirstChild(ReferenceTdpIterators):
    def _goal_below(self) -> BitVec:
        return _GFN


class _RestartsAtEntry(ReferenceTdpIterators):
    def _goal_again(self) -> BitVec:
        return _GFN


def _iterators(variant: type[ReferenceTdpIterators]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, tdp_iterators=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "tdp-iter-below-min-level",
        "The TDP MMU's iterator goes down below the level that it is told not to leave.",
        _TDP_ITER_C,
        r"iter->level == iter->min_level\)",
        "iter->level == PG_LEVEL_4K)",
        _iterators(_BelowMinLevel),
    ),
    defect(
        "tdp-iter-past-the-table",
        "The TDP MMU's iterator goes on behind the last entry of a table.",
        _TDP_ITER_C,
        r"\(SPTE_ENT_PER_PAGE - 1\)\)",
        "SPTE_ENT_PER_PAGE)",
        _iterators(_PastTheTable),
    ),
    defect(
        "tdp-iter-one-page-aside",
        "The TDP MMU's iterator takes each entry for that of one page, whatever its level.",
        _TDP_ITER_C,
        r"iter->gfn \+= KVM_PAGES_PER_HPAGE\(iter->level\)",
        "iter->gfn += 1",
        _iterators(_OnePageAside),
    ),
    defect(
        "tdp-iter-keeps-goal",
        "The TDP MMU's iterator steps aside without a new goal, and so goes down to the first entries again.",
        _TDP_ITER_C,
        r"iter->next_last_level_gfn = iter->gfn;",
        "",
        _iterators(_KeepsGoal),
    ),
    defect(
        "tdp-iter-stale-child",
        "The TDP MMU's iterator steps down to the table that its entry led to some time ago.",
        _TDP_ITER_C,
        r"iter->old_spte = kvm_tdp_mmu_read_spte\(iter->sptep\);(\s+child_pt =)",
        r"\1",
        _iterators(_StaleChild),
    ),
    defect(
        "tdp-iter-first-child",
        "The TDP MMU's iterator steps down to the first entry of a table instead of its goal's.",
        _TDP_ITER_C,
        r"(iter->pt_path\[iter->level - 1\] = child_pt;\s+iter->gfn = \w+\(iter->)next_last_level_gfn",
        r"\1gfn",
        _iterators(_FirstChild),
    ),
    defect(
        "tdp-iter-restarts-at-entry",
        "After a yield the TDP MMU's iterator goes on at the entry where it stood, instead of its goal's.",
        _TDP_ITER_C,
        r"(iter->level = iter->root_level;\s+iter->gfn = \w+\(iter->)next_last_level_gfn",
        r"\1gfn",
        _iterators(_RestartsAtEntry),
    ),
)
