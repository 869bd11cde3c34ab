"""Defects of what goes before pages of SPTEs are freed, or a lock is given up."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.freed_pages import ReferenceFreedPages
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, Bool

_MMU_C, _TDP_MMU_C = "arch/x86/kvm/mmu/mmu.c", "arch/x86/kvm/mmu/tdp_mmu.c"


class _FreesUnflushed(ReferenceFreedPages):
    def _flushes_first(self) -> Bool:
        return FALSE


class _WayGivenUnflushed(ReferenceFreedPages):
    def _flushes(self, due: Bool) -> Bool:
        return FALSE


class _WayNotNoted(ReferenceFreedPages):
    def _notes(self) -> Bool:
        return FALSE


class _Untold(ReferenceFreedPages):
    def _answer(self, gives: Bool) -> Bool:
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
        _frees(_FreesUnflushed),
    ),
    defect(
        "gives-way-unflushed",
        "The TDP MMU gives up its lock while TLBs have what it has taken away.",
        _TDP_MMU_C,
        r"\tif \(flush\)\n\t\tkvm_flush_remote_tlbs\(kvm\);\n(\n\trcu_read_unlock\(\);)",
        r"\1",
        _frees(_WayGivenUnflushed),
    ),
    defect(
        "gives-way-unnoted",
        "A walk goes on below a table that may have been freed while the lock was given up.",
        _TDP_MMU_C,
        r"\titer->yielded = true;\n\treturn true;",
        "\treturn true;",
        _frees(_WayNotNoted),
    ),
    defect(
        "gives-way-untold",
        "Whoever walks goes on with what was read before the lock was given up.",
        _TDP_MMU_C,
        r"(\titer->yielded = true;\n\treturn )true;",
        r"\1false;",
        _frees(_Untold),
    ),
)
