"""Defects of turning on the log of dirty pages."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.dirty_logging import ReferenceDirtyLogging
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import BitVec, Bool, bv, negate

_X86_C = "arch/x86/kvm/x86.c"


class _HugePagesOnly(ReferenceDirtyLogging):
    def _protects_from(self, _processor_logs: Bool) -> BitVec:
        return bv(2, 32)


class _FlushesNotAlways(ReferenceDirtyLogging):
    def _flushes(self, processor_logs: Bool) -> Bool:
        return negate(processor_logs)


class _FirstHugePageOnly(ReferenceDirtyLogging):
    def _huge_page(self, _gfn: BitVec) -> BitVec:
        return bv(0, 64)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "logging-protects-huge-pages-only",
        "When dirty pages begin to be logged, small pages stay writable.",
        _X86_C,
        r"kvm_mmu_slot_remove_write_access\(kvm, new, PG_LEVEL_4K\)",
        "kvm_mmu_slot_remove_write_access(kvm, new, PG_LEVEL_2M)",
        partial(ReferenceKvm, dirty_logging=_HugePagesOnly),
    ),
    defect(
        "logging-flushes-not-always",
        "When dirty pages begin to be logged, the slot is flushed only where the processor does not log itself.",
        _X86_C,
        r"(kvm_(?:arch_)?flush_remote_tlbs_memslot\(kvm, new\);)",
        r"if (!kvm->arch.cpu_dirty_log_size)\n\1",
        partial(ReferenceKvm, dirty_logging=_FlushesNotAlways),
    ),
    defect(
        "masked-logs-one-huge-page",
        "Where the pages of a mask are in two huge pages, the second stays writable.",
        "arch/x86/kvm/mmu/mmu.c",
        r"if \(ALIGN\(start << PAGE_SHIFT, PMD_SIZE\) !=\s+ALIGN\(end << PAGE_SHIFT, PMD_SIZE\)\)",
        "if (0)",
        partial(ReferenceKvm, dirty_logging=_FirstHugePageOnly),
    ),
)
