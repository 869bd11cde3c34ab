"""Defects of what KVM answers a fault once it has mapped a page."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.map_answers import MapAnswered, Mapper
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.map_answers import ReferenceMapAnswers
from mmuproof.smt.terms import FALSE, Bool

_MMU_C, _TDP_MMU_C = "arch/x86/kvm/mmu/mmu.c", "arch/x86/kvm/mmu/tdp_mmu.c"


class _WriteLetGo(ReferenceMapAnswers):
    def _is_seen(self, _protected: Bool) -> Bool:
        return FALSE


class _MmioLetGo(ReferenceMapAnswers):
    def _is_emulated(self, _is_mmio: Bool) -> Bool:
        return FALSE


class _ShadowWriteLetGo(_WriteLetGo):
    def answered(self, mapper: Mapper) -> MapAnswered:
        return super().answered(mapper) if mapper is Mapper.SHADOW else ReferenceMapAnswers().answered(mapper)


def _with(variant: type[ReferenceMapAnswers]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, map_answers=variant)


_EMULATE = r"RET_PF_(?:WRITE_PROTECTED|EMULATE)"
DEFECTS: tuple[Defect, ...] = (
    defect(
        "answers-write-let-go",
        "A write to a page that the TDP MMU has write-protected counts as repaired.",
        _TDP_MMU_C,
        rf"if \(wrprot && fault->write\)(\s+ret = ){_EMULATE};",
        r"if (wrprot && fault->write)\1RET_PF_FIXED;",
        _with(_WriteLetGo),
    ),
    defect(
        "answers-shadow-write-let-go",
        "A write to a page that the shadow MMU has write-protected counts as repaired.",
        _MMU_C,
        rf"(if \(wrprot && write_fault\)\s+ret = ){_EMULATE};",
        r"\1RET_PF_FIXED;",
        _with(_ShadowWriteLetGo),
    ),
    defect(
        "answers-mmio-let-go",
        "An access to MMIO counts as repaired once its MMIO SPTE is there.",
        _TDP_MMU_C,
        r"(trace_mark_mmio_spte\([^;]+;\s+ret = )RET_PF_EMULATE;",
        r"\1RET_PF_FIXED;",
        _with(_MmioLetGo),
    ),
)
