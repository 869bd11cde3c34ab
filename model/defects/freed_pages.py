"""Defects of what goes before pages of SPTEs are freed."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.freed_pages import ReferenceFreedPages
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, Bool

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _TablesFreedUnflushed(ReferenceFreedPages):
    def _flushes_first(self) -> Bool:
        return FALSE


def _frees(variant: type[ReferenceFreedPages]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, freed_pages=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "freed-unflushed",
        "Tables are freed, and used for something else, while the hardware still walks them.",
        _MMU_C,
        r"\tkvm_flush_remote_tlbs\(kvm\);\n(\n\tlist_for_each_entry_safe\(sp, nsp, invalid_list, link\) \{)",
        r"\1",
        _frees(_TablesFreedUnflushed),
    ),
)
