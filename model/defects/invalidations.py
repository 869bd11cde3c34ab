"""Defects of what is invalidated."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.invalidations import ReferenceInvalidations
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, eq

_MMU_C, _NESTED_VMX_C, _NESTED_SVM_C = (f"arch/x86/kvm/{name}.c" for name in ("mmu/mmu", "vmx/nested", "svm/nested"))


class _InUseOnly(ReferenceInvalidations):
    def _of_any_pcid(self, count: int) -> Sequence[Bool]:
        return [TRUE, *[FALSE] * (count - 1)]


class _ByCurrentCr3(ReferenceInvalidations):
    def _of_pcid(self, roots: Sequence[tuple[BitVec, BitVec]]) -> Sequence[Bool]:
        in_use, *kept = super()._of_pcid(roots)
        return [in_use, *(all_of(in_use, each) for each in kept)]


class _AsWith48Bits(ReferenceInvalidations):
    def _canonical(self, _wide: Bool) -> Bool:
        return super()._canonical(FALSE)


class _ShadowOnly(ReferenceInvalidations):
    def _flushes(self, shadows: Bool) -> Bool:
        return shadows


class _WholeEptp(ReferenceInvalidations):
    def _is_of(self, pgd: BitVec, eptp: BitVec, _number: int) -> Bool:
        return eq(pgd, eptp)


class _TablesInUse(ReferenceInvalidations):
    def _is_of(self, pgd: BitVec, eptp: BitVec, number: int) -> Bool:
        return super()._is_of(pgd, eptp, number) if number == 0 else FALSE


class _SameVpid(ReferenceInvalidations):
    def _is_another(self, _vpid: BitVec, _last: BitVec) -> Bool:
        return FALSE


class _EntryOnly(ReferenceInvalidations):
    def _without_vpid(self, is_entry: Bool) -> Bool:
        return is_entry


class _KeepsAsid(ReferenceInvalidations):
    def _svm_flushes(self) -> Bool:
        return FALSE


def _with(variant: type[ReferenceInvalidations]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, invalidations=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "invlpg-current-root-only",
        "INVLPG leaves roots that the vCPU had before, which may hold global translations.",
        _MMU_C,
        r"gva, KVM_MMU_ROOTS_ALL\)",
        "gva, KVM_MMU_ROOT_CURRENT)",
        _with(_InUseOnly),
    ),
    defect(
        "invpcid-kept-roots-by-current-cr3",
        "INVPCID asks the current CR3, and not that of a root that the vCPU had before, for its PCID.",
        _MMU_C,
        r"pcid == kvm_get_pcid\(vcpu, mmu->prev_roots\[i\]\.pgd\)",
        "pcid == kvm_get_pcid(vcpu, mmu->prev_roots[i].pgd) && pcid == kvm_get_active_pcid(vcpu)",
        _with(_ByCurrentCr3),
    ),
    defect(
        "invlpg-canonical-by-48-bits",
        "An address that is canonical with tables of five levels only is not invalidated.",
        _MMU_C,
        r"if \(is_noncanonical_invlpg_address\(addr, vcpu\)\)",
        "if (!__is_canonical_address(addr, 48))",
        _with(_AsWith48Bits),
    ),
    defect(
        "invlpg-flushes-shadow-only",
        "The processor is told of an address only where KVM shadows the guest's tables.",
        _MMU_C,
        r"(kvm_x86_call\(flush_tlb_gva\)\(vcpu, addr(?:, NULL)?\);)",
        r"if (vcpu->arch.root_mmu.sync_spte)\n\1",
        _with(_ShadowOnly),
    ),
    defect(
        "invept-by-whole-eptp",
        "INVEPT leaves a root for tables that L1 now names with other flags in their EPTP.",
        _NESTED_VMX_C,
        r"\(root_eptp & EPTP_PA_MASK\) == \(eptp & EPTP_PA_MASK\)",
        "root_eptp == eptp",
        _with(_WholeEptp),
    ),
    defect(
        "invept-root-in-use-only",
        "INVEPT leaves roots that the vCPU had before.",
        _NESTED_VMX_C,
        r"roots_to_free \|= KVM_MMU_ROOT_PREVIOUS\(i\);",
        "break;",
        _with(_TablesInUse),
    ),
    defect(
        "nested-vpid-change-unseen",
        "L2 may use what is cached of another L2, to which L1 has given another VPID.",
        _NESTED_VMX_C,
        r"if \(is_vmenter && vmcs12->virtual_processor_id != vmx->nested\.last_vpid\)",
        "if (0)",
        _with(_SameVpid),
    ),
    defect(
        "nested-exit-keeps-vpid-0",
        "L1 may use what is cached of an L2 without VPID.",
        _NESTED_VMX_C,
        r"if \(!nested_cpu_has_vpid\(vmcs12\)\) \{(\s+kvm_make_request\(KVM_REQ_TLB_FLUSH_GUEST, vcpu\);)",
        r"if (!nested_cpu_has_vpid(vmcs12)) {\nif (is_vmenter)\1",
        _with(_EntryOnly),
    ),
    defect(
        "nested-svm-keeps-asid",
        "L1 and L2, which have one ASID, may use what is cached of each other.",
        _NESTED_SVM_C,
        r"kvm_make_request\(KVM_REQ_TLB_FLUSH_CURRENT, vcpu\);(\s*\})",
        r"\1",
        _with(_KeepsAsid),
    ),
)
