"""Defects of lists of SPTEs."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.spte_lists import GONE, ReferenceSpteLists
from mmuproof.model.spte_lists import SpteDescriptor, SpteList, SpteVisited
from mmuproof.smt.terms import FALSE, BitVec, Bool

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _DropsFormer(ReferenceSpteLists):
    def _first_of_two(self, former: BitVec) -> tuple[BitVec, BitVec]:
        _, asked = super()._first_of_two(former)
        return asked, asked


class _UnlinksFull(ReferenceSpteLists):
    def _behind_new(self, former: tuple[SpteDescriptor, ...]) -> tuple[SpteDescriptor, ...]:
        return tuple(GONE for _ in former)


class _MovesFirst(ReferenceSpteLists):
    def _last(self, first: SpteDescriptor) -> BitVec:
        return first.sptes[0]


class _LeavesLast(ReferenceSpteLists):
    def _left_behind(self, spte: BitVec) -> BitVec:
        return spte


class _CountsFirst(ReferenceSpteLists):
    def _counted(self, kept: SpteList) -> BitVec:
        return kept.descriptors[0].count if kept.descriptors else super()._counted(kept)


class _SkipsLastPlace(ReferenceSpteLists):
    def _places(self) -> int:
        return super()._places() - 1


class _EndsEarly(ReferenceSpteLists):
    def _goes_on(self) -> bool:
        return False


class _SaysNothing(ReferenceSpteLists):
    def _tells(self) -> Bool:
        return FALSE


class _KeepsFirst(ReferenceSpteLists):
    def _cleared(self, kept: SpteList) -> tuple[SpteVisited, ...]:
        return super()._cleared(kept)[1:]


class _StaysOnList(ReferenceSpteLists):
    def _takes_off(self) -> bool:
        return False


class _ForgetsParent(ReferenceSpteLists):
    def _notes_parent(self) -> bool:
        return False


class _LeavesParent(ReferenceSpteLists):
    def _empties_parent(self) -> bool:
        return False


def _lists(variant: type[ReferenceSpteLists]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, spte_lists=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "list-add-drops-former",
        "A list of one SPTE loses it when a second one comes.",
        _MMU_C,
        r"desc->sptes\[0\] = \(u64 \*\)old_val;",
        "desc->sptes[0] = spte;",
        _lists(_DropsFormer),
    ),
    defect(
        "list-add-unlinks-full",
        "A full descriptor of a list is forgotten when a new one is put in front of it.",
        _MMU_C,
        r"desc->more = \(struct pte_list_desc \*\)\(old_val & ~KVM_RMAP_MANY\);",
        "desc->more = NULL;",
        _lists(_UnlinksFull),
    ),
    defect(
        "list-remove-moves-first",
        "The first SPTE of a list, not its last, takes the place of one that is taken off.",
        _MMU_C,
        r"desc->sptes\[i\] = head_desc->sptes\[j\];",
        "desc->sptes[i] = head_desc->sptes[0];",
        _lists(_MovesFirst),
    ),
    defect(
        "list-remove-leaves-last",
        "What takes the place of an SPTE that is taken off a list stays at its own too, behind the others.",
        _MMU_C,
        r"head_desc->sptes\[j\] = NULL;",
        "",
        _lists(_LeavesLast),
    ),
    defect(
        "list-count-of-first",
        "Only the SPTEs of a list's first descriptor are counted.",
        _MMU_C,
        r"return desc->tail_count \+ desc->spte_count;",
        "return desc->spte_count;",
        _lists(_CountsFirst),
    ),
    defect(
        "list-walk-skips-last-place",
        "Whoever goes through a list passes the last SPTE of a full descriptor over.",
        _MMU_C,
        r"iter->pos < PTE_LIST_EXT - 1",
        "iter->pos < PTE_LIST_EXT - 2",
        _lists(_SkipsLastPlace),
    ),
    defect(
        "list-walk-ends-early",
        "Whoever goes through a list ends with its first descriptor.",
        _MMU_C,
        r"iter->desc = iter->desc->more;",
        "iter->desc = NULL;",
        _lists(_EndsEarly),
    ),
    defect(
        "list-emptied-but-first",
        "Where all on a list goes, the first SPTE of each descriptor stays.",
        _MMU_C,
        r"for \(i = 0; i < desc->spte_count; i\+\+\)(\s+mmu_spte_clear_track_bits)",
        r"for (i = 1; i < desc->spte_count; i++)\1",
        _lists(_KeepsFirst),
    ),
    defect(
        "list-emptied-untold",
        "Where all on a list goes, the answer is that nothing has.",
        _MMU_C,
        r"(kvm_rmap_unlock\(kvm, rmap_head, 0\);\s+)return true;",
        r"\1return false;",
        _lists(_SaysNothing),
    ),
    defect(
        "list-keeps-zapped",
        "An SPTE that is zapped alone stays on the list of what maps its frame.",
        _MMU_C,
        r"(mmu_spte_clear_track_bits\(kvm, sptep\);)\s+pte_list_remove\(kvm, sptep, rmap_head\);",
        r"\1",
        _lists(_StaysOnList),
    ),
    defect(
        "list-lacks-parent",
        "An entry that leads to a page is not put on the list of its parents.",
        _MMU_C,
        r"pte_list_add\(kvm, cache, parent_pte, &sp->parent_ptes\);",
        "",
        _lists(_ForgetsParent),
    ),
    defect(
        "list-parent-not-emptied",
        "Entries that lead to a page are taken off its list of parents, and lead to it still.",
        _MMU_C,
        r"(mmu_page_remove_parent_pte\(kvm, sp, parent_pte\);)\s+mmu_spte_clear_no_track\(parent_pte\);",
        r"\1",
        _lists(_LeavesParent),
    ),
)
