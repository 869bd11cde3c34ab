"""Defects of taking a table out of the TDP MMU's tree."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.removed_tables import ReferenceRemovedTables
from mmuproof.smt.terms import FALSE, BitVec, Bool

_TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"


class _KeptBelowHuge(ReferenceRemovedTables):
    def _is_replaced(self, _is_leaf: Bool) -> Bool:
        return FALSE


class _ChildOfNew(ReferenceRemovedTables):
    def _parent(self, _old: BitVec, new: BitVec) -> BitVec:
        return new


class _SparesFirst(ReferenceRemovedTables):
    def _first(self) -> int:
        return 1


class _FramesOfSmall(ReferenceRemovedTables):
    def _frames(self, number: BitVec, _level: BitVec) -> BitVec:
        return number


class _FrozenByOthers(ReferenceRemovedTables):
    def _tries_again(self, _is_frozen: Bool) -> Bool:
        return FALSE


class _StaysAmongPossible(ReferenceRemovedTables):
    def _is_unlisted(self, _listed: Bool) -> Bool:
        return FALSE


def _tables(variant: type[ReferenceRemovedTables]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, removed_tables=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "removed-kept-below-huge",
        "A table that a huge page replaces is not taken apart.",
        _TDP_MMU_C,
        r"\(is_leaf \|\| !is_present \|\| WARN_ON_ONCE\(pfn_changed\)\)",
        "(!is_present || WARN_ON_ONCE(pfn_changed))",
        _tables(_KeptBelowHuge),
    ),
    defect(
        "removed-child-of-new",
        "The table of the entry's new value is taken apart instead of that of its old one.",
        _TDP_MMU_C,
        r"(handle_removed_pt\(kvm, spte_to_child_pt\()old_spte",
        r"\1new_spte",
        _tables(_ChildOfNew),
    ),
    defect(
        "removed-spares-first",
        "The first entry of a table that is taken apart stays.",
        _TDP_MMU_C,
        r"for \(i = 0;( i < [^;]+; i\+\+\) \{\s+tdp_ptep_t sptep = pt \+ i;)",
        r"for (i = 1;\1",
        _tables(_SparesFirst),
    ),
    defect(
        "removed-frames-of-small",
        "The frames of a table that is taken apart are counted as of small pages.",
        _TDP_MMU_C,
        r"gfn_t gfn = base_gfn \+ i \* KVM_PAGES_PER_HPAGE\(level\);",
        "gfn_t gfn = base_gfn + i;",
        _tables(_FramesOfSmall),
    ),
    defect(
        "removed-frozen-by-others",
        "An entry that others have frozen, and are about to change, is taken for one that is done with.",
        _TDP_MMU_C,
        r"if \(!is_(?:frozen|removed)_spte\(old_spte\)\)(\s+break;\s+cpu_relax)",
        r"\1",
        _tables(_FrozenByOthers),
    ),
    defect(
        "removed-stays-listed",
        "A table that is taken apart stays on the list of those that may become huge.",
        _TDP_MMU_C,
        r"(sp->nx_huge_page_disallowed = false;)\s+untrack_possible_nx_huge_page\(kvm, sp[^;]*;(\s+spin_unlock)",
        r"\1\2",
        _tables(_StaysAmongPossible),
    ),
)
