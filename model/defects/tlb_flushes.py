"""Defects of flushing the TLB."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.tlb_flushes import ReferenceTlbFlushes
from mmuproof.smt.terms import FALSE, BitVec, Bool, ult

_VMX_C, _X86_C, _SVM_C = "arch/x86/kvm/vmx/vmx.c", "arch/x86/kvm/x86.c", "arch/x86/kvm/svm/svm.c"


class _NeverByTables(ReferenceTlbFlushes):
    def _by_tables(self, _has_ept: Bool) -> Bool:
        return FALSE


class _TellsAddress(ReferenceTlbFlushes):
    def _told(self, _eptp: BitVec, root: BitVec) -> BitVec:
        return root


class _AlwaysOfL1(ReferenceTlbFlushes):
    def _in_l2(self, _l2: Bool) -> Bool:
        return FALSE


class _KeptStay(ReferenceTlbFlushes):
    def _syncs_kept(self) -> Bool:
        return FALSE


class _UpwardsAlone(ReferenceTlbFlushes):
    def _forgets(self, processor: BitVec, former: BitVec) -> Bool:
        return ult(former, processor)


class _VmcsMovesDown(ReferenceTlbFlushes):
    def _flushes_moved(self, processor: BitVec, former: BitVec) -> Bool:
        return ult(former, processor)


def _with(variant: type[ReferenceTlbFlushes]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, tlb_flushes=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "moved-vmcs-keeps-tlb",
        "A vCPU that comes to a processor of a lower number runs with what that has cached of it long ago.",
        _VMX_C,
        r"kvm_make_request\(KVM_REQ_TLB_FLUSH, vcpu\);(?=(?:[^}]|\}(?!\n))*HOST_TR_BASE)",
        "if (vmx->loaded_vmcs->cpu < cpu)\n\t\t\tkvm_make_request(KVM_REQ_TLB_FLUSH, vcpu);",
        _with(_VmcsMovesDown),
    ),
    defect(
        "moved-down-keeps-asid",
        "A vCPU that moves to a processor of a lower number keeps the ASID that it had on the one before.",
        _SVM_C,
        r"unlikely\(svm->current_vmcb->cpu != vcpu->cpu\)",
        "unlikely(svm->current_vmcb->cpu < vcpu->cpu)",
        _with(_UpwardsAlone),
    ),
    defect(
        "flush-ept-by-vpid",
        "What is cached of EPT is to be forgotten, and what is cached with the VPID is.",
        _VMX_C,
        r"if \(enable_ept\)(\s+(?:vmx_flush_tlb_ept_root|ept_sync_context)\()",
        r"if (0)\1",
        _with(_NeverByTables),
    ),
    defect(
        "flush-ept-by-address",
        "INVEPT is given the root's address, which is no EPTP, and fails.",
        _VMX_C,
        r"ept_sync_context\((?:eptp|construct_eptp\(vcpu, root_hpa,\s+mmu->root_role\.level\))\);",
        "ept_sync_context(root_hpa);",
        _with(_TellsAddress),
    ),
    defect(
        "flush-vpid-of-l1",
        "While L2 runs, what is cached for L1 is flushed.",
        _VMX_C,
        r"if \(is_guest_mode\(vcpu\) && nested_cpu_has_vpid\(get_vmcs12\(vcpu\)\)\)(\s+return nested_get_vpid02)",
        r"if (0)\1",
        _with(_AlwaysOfL1),
    ),
    defect(
        "flush-guest-leaves-kept-roots",
        "A guest flushes all, and the roots that the vCPU had before stay as they were.",
        _X86_C,
        r"kvm_mmu_sync_prev_roots\(vcpu\);",
        "",
        _with(_KeptStay),
    ),
)
