"""Defects of entries that come and go."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.parent_links import EntryGoes
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.parent_links import ReferenceParentLinks
from mmuproof.smt.terms import FALSE, Bool, boolean, negate

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _ParentUnnoted(ReferenceParentLinks):
    def _lists(self, some: Bool) -> Bool:
        return negate(some)


class _FirstParentOnly(ReferenceParentLinks):
    def _looks_on(self, _found: Bool) -> Bool:
        return FALSE


class _ParentEntryStays(ReferenceParentLinks):
    def _empties(self, which: EntryGoes) -> Bool:
        return boolean(which is not EntryGoes.PARENT)


class _ParentStaysListed(ReferenceParentLinks):
    def _unlists(self, which: EntryGoes) -> Bool:
        return boolean(which is not EntryGoes.PARENT)


class _ListedSpteStays(ReferenceParentLinks):
    def _empties(self, which: EntryGoes) -> Bool:
        return boolean(which is not EntryGoes.SPTE)


def _links(variant: type[ReferenceParentLinks]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, parent_links=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "parent-unnoted",
        "A page does not note which entries lead to it.",
        _MMU_C,
        r"if \(!parent_pte\)(\s+return;\s+pte_list_add)",
        r"if (parent_pte)\1",
        _links(_ParentUnnoted),
    ),
    defect(
        "parent-first-only",
        "Of the entries that lead to a page which goes, only the first is taken away.",
        _MMU_C,
        r"(while \(\(sptep = rmap_get_first\(&sp->parent_ptes, &iter\)\)\)\s+)(drop_parent_pte\([^;]*;)",
        r"\1{ \2 break; }",
        _links(_FirstParentOnly),
    ),
    defect(
        "parent-entry-stays",
        "An entry that leads to a page which goes is taken off the list, and leads there still.",
        _MMU_C,
        r"(mmu_page_remove_parent_pte\((?:kvm, )?sp, parent_pte\);\s+)mmu_spte_clear_no_track\(parent_pte\);",
        r"\1",
        _links(_ParentEntryStays),
    ),
    defect(
        "parent-stays-listed",
        "An entry that no longer leads to a page stays on its list.",
        _MMU_C,
        r"mmu_page_remove_parent_pte\((?:kvm, )?sp, parent_pte\);(\s+mmu_spte_clear_no_track)",
        r"\1",
        _links(_ParentStaysListed),
    ),
    defect(
        "listed-spte-stays",
        "An SPTE is taken off the list of what maps its frame, and maps it still.",
        _MMU_C,
        r"mmu_spte_clear_track_bits\(kvm, sptep\);(\s+pte_list_remove\((?:kvm, )?sptep, rmap_head\);)",
        r"\1",
        _links(_ListedSpteStays),
    ),
)
