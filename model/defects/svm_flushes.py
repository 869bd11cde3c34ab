"""Defects of flushing the TLB of a processor with SVM."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.svm_flushes import ReferenceSvmFlushes
from mmuproof.smt.terms import FALSE, BitVec, Bool, bv

_SVM_C = "arch/x86/kvm/svm/svm.c"


class _NothingAtRun(ReferenceSvmFlushes):
    def _control(self) -> BitVec:
        return bv(0, 8)


class _AddressOfHost(ReferenceSvmFlushes):
    def _is_own_asid(self) -> Bool:
        return FALSE


def _with(variant: type[ReferenceSvmFlushes]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, svm_flushes=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "asid-flush-does-nothing",
        "VMRUN is told to flush nothing where the guest's ASID is to be flushed.",
        _SVM_C,
        r"(svm->vmcb->control\.tlb_ctl = )TLB_CONTROL_FLUSH_ASID;(\s+else\s+svm->current_vmcb->asid_generation--;)",
        r"\1TLB_CONTROL_DO_NOTHING;\2",
        _with(_NothingAtRun),
    ),
    defect(
        "address-flushed-of-host",
        "An address is forgotten with ASID 0, which is the host's.",
        _SVM_C,
        r"invlpga\(gva, svm->vmcb->control\.asid\);",
        "invlpga(gva, 0);",
        _with(_AddressOfHost),
    ),
)
