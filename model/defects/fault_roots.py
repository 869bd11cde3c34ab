"""Defects of below which root the TDP MMU maps the page of a fault."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.fault_roots import ReferenceFaultRoots
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import TRUE, BitVec, Bool, negate

_TDP_MMU_H = "arch/x86/kvm/mmu/tdp_mmu.h"


class _PrivateShared(ReferenceFaultRoots):
    def _is_direct(self, bits: BitVec, address: BitVec) -> Bool:
        return TRUE


class _Swapped(ReferenceFaultRoots):
    def _is_direct(self, bits: BitVec, address: BitVec) -> Bool:
        return negate(super()._is_direct(bits, address))


def _maps(variant: type[ReferenceFaultRoots]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, fault_roots=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "fault-root-private-shared",
        "Private memory is mapped where the host maps what the guest shares with it.",
        _TDP_MMU_H,
        r"(kvm_is_addr_direct\(vcpu->kvm, fault->addr\)\)\)\s+return root_to_sp\(vcpu->arch\.mmu->)mirror_root_hpa",
        r"\1root.hpa",
        _maps(_PrivateShared),
    ),
    defect(
        "fault-root-swapped",
        "Shared memory is mapped in the mirror of private memory, and private memory outside it.",
        _TDP_MMU_H,
        r"!(kvm_is_addr_direct\(vcpu->kvm, fault->addr\))",
        r"\1",
        _maps(_Swapped),
    ),
)
