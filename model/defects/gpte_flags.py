"""Defects of setting flags in a guest's entries."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.gpte_flags import ReferenceGpteFlags
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool

_PAGING_TMPL_H = "arch/x86/kvm/mmu/paging_tmpl.h"


class _NeverAccessed(ReferenceGpteFlags):
    def _accessed(self, entry: BitVec, _flag: int, _level: int) -> BitVec:
        return entry


class _DirtyForReads(ReferenceGpteFlags):
    def _soils(self, _writes: Bool) -> Bool:
        return TRUE


class _LostUnheeded(ReferenceGpteFlags):
    def _counts(self, _lost: Bool) -> Bool:
        return FALSE


class _WriteUnlogged(ReferenceGpteFlags):
    def _marks(self, _marks: Bool) -> Bool:
        return FALSE


def _with(variant: type[ReferenceGpteFlags]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, gpte_flags=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "flags-never-accessed",
        "A walk does not set the accessed flag of the guest's entries.",
        _PAGING_TMPL_H,
        r"pte \|= PT_GUEST_ACCESSED_MASK;",
        "",
        _with(_NeverAccessed),
    ),
    defect(
        "flags-dirty-for-reads",
        "A walk for a read sets the dirty flag of the guest's entry.",
        _PAGING_TMPL_H,
        r"if \(level == walker->level && write_fault &&",
        "if (level == walker->level &&",
        _with(_DirtyForReads),
    ),
    defect(
        "flags-lost-unheeded",
        "A walk goes on with an entry that the guest has changed before its flag was set.",
        _PAGING_TMPL_H,
        r"if \(ret\)\s+return ret;(\s+kvm_vcpu_mark_page_dirty)",
        r"\1",
        _with(_LostUnheeded),
    ),
    defect(
        "flags-write-unlogged",
        "That KVM writes to a guest's table is missing in the log of dirty pages.",
        _PAGING_TMPL_H,
        r"kvm_vcpu_mark_page_dirty\(vcpu, table_gfn\);",
        "",
        _with(_WriteUnlogged),
    ),
)
