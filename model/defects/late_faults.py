"""Defects of faults that time overtakes."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.late_faults import ReferenceLateFaults
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _InAnyMode(ReferenceLateFaults):
    def _same_mode(self, _was_direct: Bool, _is_direct: Bool) -> Bool:
        return TRUE


class _OfAnyTables(ReferenceLateFaults):
    def _same_tables(self) -> Bool:
        return TRUE


class _SeesNoChange(ReferenceLateFaults):
    def _has_changed(self, _seen: BitVec, _now: BitVec) -> Bool:
        return FALSE


def _with(variant: type[ReferenceLateFaults]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, late_faults=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "late-fault-in-any-mode",
        "A fault is handled later as one on the guest's tables, though its address was one of guest-physical memory.",
        _MMU_C,
        r"if \(\(vcpu->arch\.mmu->root_role\.direct != work->arch\.direct_map\) \|\|\s+work->wakeup_all\)",
        "if (work->wakeup_all)",
        _with(_InAnyMode),
    ),
    defect(
        "late-fault-of-any-tables",
        "A fault is handled later though the guest has other tables by then.",
        _MMU_C,
        r"work->arch\.cr3 != kvm_mmu_get_guest_pgd\(vcpu, vcpu->arch\.mmu(?:->w)?\)",
        "0",
        _with(_OfAnyTables),
    ),
    defect(
        "stale-fault-after-invalidation",
        "What was found for a fault is mapped although the frame was taken away since.",
        _MMU_C,
        r"(return fault->slot &&\s+mmu_invalidate_retry_gfn\(vcpu->kvm, )fault->mmu_seq",
        r"\1vcpu->kvm->mmu_invalidate_seq",
        _with(_SeesNoChange),
    ),
)
