"""Defects of what is done at a fault of L2 in L1's EPT about other roots for the same tables."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.shared_epts import ReferenceSharedEpts
from mmuproof.smt.terms import BitVec, Bool, eq, ne

_NESTED_VMX_C = "arch/x86/kvm/vmx/nested.c"


class _MisconfiguredOnly(ReferenceSharedEpts):
    def _forgets(self, error_code: BitVec) -> Bool:
        return ne(error_code & self.constants.PFERR_RSVD_MASK, 0)


class _OfWholePointer(ReferenceSharedEpts):
    def _is_of(self, pgd: BitVec, eptp: BitVec) -> Bool:
        return eq(pgd, eptp)


class _AtEvenAddress(ReferenceSharedEpts):
    def _is_there(self, address: BitVec) -> Bool:
        return eq(address & 1, 0)


def _with(variant: type[ReferenceSharedEpts]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, shared_epts=variant)


_CALL = r"nested_ept_invalidate_addr\(vcpu, vmcs12->ept_pointer,\s+fault->address\);"

DEFECTS: tuple[Defect, ...] = (
    defect(
        "ept-fault-forgets-misconfigured-only",
        "Other roots for the same tables keep what was wrong of an EPT violation's address.",
        _NESTED_VMX_C,
        f"({_CALL})",
        r"if (fault->error_code & PFERR_RSVD_MASK)\n\1",
        _with(_MisconfiguredOnly),
    ),
    defect(
        "ept-fault-by-whole-eptp",
        "A root stays as it is that is for the same tables with other flags in its EPTP.",
        _NESTED_VMX_C,
        r"\(root_eptp & EPTP_PA_MASK\) == \(eptp & EPTP_PA_MASK\)",
        "root_eptp == eptp",
        _with(_OfWholePointer),
    ),
    defect(
        "ept-fault-forgets-another",
        "Other roots for the same tables have another address than the fault's synchronized.",
        _NESTED_VMX_C,
        _CALL,
        "nested_ept_invalidate_addr(vcpu, vmcs12->ept_pointer, fault->address & ~1);",
        _with(_AtEvenAddress),
    ),
)
