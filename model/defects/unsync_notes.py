"""Defects of noting where pages out of sync are."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.unsync_notes import ReferenceUnsyncNotes
from mmuproof.model.unsync_notes import ROOM
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, ne

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _TellsLater(ReferenceUnsyncNotes):
    def _tells(self) -> Bool:
        return ne(super()._counted(FALSE) - 1, 0)


class _CountsNotedTwice(ReferenceUnsyncNotes):
    def _counted(self, was_noted: Bool) -> BitVec:
        return super()._counted(FALSE)


class _ParentsUntold(ReferenceUnsyncNotes):
    def _notes(self, _there: Bool) -> Bool:
        return FALSE


class _LinkForgotten(ReferenceUnsyncNotes):
    def _notes_link(self, out_of_sync: Bool, below: Bool) -> Bool:
        return below


class _KeepsCount(ReferenceUnsyncNotes):
    def _uncounted(self, before: BitVec) -> BitVec:
        return before


class _ClearsTooFar(ReferenceUnsyncNotes):
    def _goes_on(self, _left: BitVec) -> Bool:
        return TRUE


class _FoundWithoutEnd(ReferenceUnsyncNotes):
    def _is_full(self, count: int) -> bool:
        return count > ROOM


class _WayUnnoted(ReferenceUnsyncNotes):
    def _notes_pages(self) -> bool:
        return False


class _WayWithoutEnd(ReferenceUnsyncNotes):
    def _ends_way(self) -> bool:
        return False


def _notes(variant: type[ReferenceUnsyncNotes]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, unsync_notes=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "noted-parents-untold",
        "That a page is the first out of sync below another is not told to those above.",
        _MMU_C,
        r"if \(sp->unsync_children\+\+\)",
        "if (!sp->unsync_children++)",
        _notes(_TellsLater),
    ),
    defect(
        "noted-counted-twice",
        "An entry counts anew each time something below it gets out of sync.",
        _MMU_C,
        r"(sp->unsync_child_bitmap\)\))\s+return;(\s+if \(sp->unsync_children\+\+\))",
        r"\1\n\t\tsp->unsync_children++;\n\telse\2",
        _notes(_CountsNotedTwice),
    ),
    defect(
        "noted-parents-skipped",
        "Entries that lead to a page are gone through, and not noted.",
        _MMU_C,
        r"(for_each_rmap_spte\(&sp->parent_ptes, &iter, sptep\) \{\s+)mark_unsync\(sptep\);",
        r"\1;",
        _notes(_ParentsUntold),
    ),
    defect(
        "noted-link-forgotten",
        "An entry that begins to lead to a page out of sync is not noted.",
        _MMU_C,
        r"(if \((?:WARN_ON_ONCE\()?sp->unsync_children\)?) \|\| sp->unsync\)",
        r"\1)",
        _notes(_LinkForgotten),
    ),
    defect(
        "noted-count-kept",
        "An entry that is no longer noted still counts.",
        _MMU_C,
        r"--sp->unsync_children;",
        "",
        _notes(_KeepsCount),
    ),
    defect(
        "noted-cleared-too-far",
        "Entries above a page that is in sync again are no longer noted although others below them are not.",
        _MMU_C,
        r"\} while \(!sp->unsync_children\);",
        "} while (level < 4);",
        _notes(_ClearsTooFar),
    ),
    defect(
        "noted-found-without-end",
        "A search goes on where there is no room for more pages, and writes behind the array.",
        _MMU_C,
        r"return \(pvec->nr == KVM_PAGE_ARRAY_NR\);",
        "return (pvec->nr > KVM_PAGE_ARRAY_NR);",
        _notes(_FoundWithoutEnd),
    ),
    defect(
        "noted-way-unnoted",
        "Pages on the way to one out of sync are not noted, so that others are taken for them.",
        _MMU_C,
        r"(break;\s+)parents->parent\[level-2\] = sp;",
        r"\1",
        _notes(_WayUnnoted),
    ),
    defect(
        "noted-way-without-end",
        "The way up does not end at the page from which it was searched.",
        _MMU_C,
        r"parents->parent\[level-1\] = NULL;",
        "",
        _notes(_WayWithoutEnd),
    ),
)
