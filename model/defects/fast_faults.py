"""Defects of which faults may be fixed without KVM's lock."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.fast_faults import ReferenceFastFaults
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import TRUE, Bool

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _AnyMemory(ReferenceFastFaults):
    def _fits(self, tells_apart: Bool, alike: Bool) -> Bool:
        return TRUE


DEFECTS: tuple[Defect, ...] = (
    defect(
        "fast-on-other-memory",
        "A fault on private memory is fixed in an SPTE of shared memory.",
        _MMU_C,
        r"(if \()kvm->arch\.has_private_mem &&(\s+fault->is_private != kvm_mem_is_private\(kvm, fault->gfn\)\)"
        r"\s+return false;)",
        r"\1fault->rsvd &&\2",
        partial(ReferenceKvm, fast_faults=_AnyMemory),
    ),
)
