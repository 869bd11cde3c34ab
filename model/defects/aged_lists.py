"""Defects of which lists of SPTEs ageing goes through."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.aged_lists import ReferenceAgedLists
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, Bool

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _MarkFollowed(ReferenceAgedLists):
    def _is_walked(self) -> Bool:
        return FALSE


class _LeftLocked(ReferenceAgedLists):
    def _is_unlocked(self) -> Bool:
        return FALSE


def _ages(variant: type[ReferenceAgedLists]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, aged_lists=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "aged-list-mark-followed",
        "Ageing takes the mark of a lock for a part of the address at which a list of SPTEs is.",
        _MMU_C,
        r"for_each_rmap_spte_lockless\(rmap_val,",
        "for_each_rmap_spte_lockless((unsigned long)atomic_long_read(&rmap_head->val),",
        _ages(_MarkFollowed),
    ),
    defect(
        "aged-list-left-locked",
        "A list stays locked after the SPTEs on it were aged.",
        _MMU_C,
        r"(\n\t\t\t\}\n)\n\t\t\tkvm_rmap_unlock_readonly\(rmap_head, rmap_val\);",
        r"\1",
        _ages(_LeftLocked),
    ),
)
