"""Defects of where the TDP MMU's walks end."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.frame_bounds import ReferenceFrameBounds
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import BitVec


class _HighestSpared(ReferenceFrameBounds):
    def _end(self, end: BitVec) -> BitVec:
        return end - 1


DEFECTS: tuple[Defect, ...] = (
    defect(
        "walks-spare-highest-frame",
        "No walk through all frames comes to the highest, whose page stays mapped.",
        "arch/x86/kvm/mmu/tdp_mmu.c",
        r"return kvm_mmu_max_gfn\(\) \+ 1;",
        "return kvm_mmu_max_gfn();",
        partial(ReferenceKvm, frame_bounds=_HighestSpared),
    ),
)
