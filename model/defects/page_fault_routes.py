"""Defects of who gets a page fault of L2's."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.page_fault_routes import ReferencePageFaultRoutes
from mmuproof.smt.terms import FALSE, BitVec, Bool

_NESTED_VMX_C = "arch/x86/kvm/vmx/nested.c"


class _ByBitAlone(ReferencePageFaultRoutes):
    def _compares(self, error_code: BitVec, wanted: Bool) -> Bool:
        return wanted


class _AsL1Wants(ReferencePageFaultRoutes):
    def _sees_all(self, needed: Bool) -> Bool:
        return FALSE


def _routes(variant: type[ReferencePageFaultRoutes]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, page_fault_routes=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "fault-routed-by-bit-alone",
        "L1 gets page faults of L2 whatever error codes it has asked for.",
        _NESTED_VMX_C,
        r"return inequality \^ bit;",
        "return bit;",
        _routes(_ByBitAlone),
    ),
    defect(
        "faults-left-as-l1-wants",
        "L2 keeps the page faults that L1 does not want to see, although KVM has to.",
        _NESTED_VMX_C,
        r"if \(vmx_need_pf_intercept\(&vmx->vcpu\)\) \{",
        "if (vmx_need_pf_intercept(&vmx->vcpu) && 0) {",
        _routes(_AsL1Wants),
    ),
)
