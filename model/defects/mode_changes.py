"""Defects of what MMUs are told of system-management mode and of CPUID."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.mode_changes import ReferenceModeChanges
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, var

_SMM_C, _PAGING = "arch/x86/kvm/smm.c", 1 << 31


class _KeepsTables(ReferenceModeChanges):
    def _resets(self) -> Bool:
        return FALSE


class _Stays(ReferenceModeChanges):
    def _stays(self) -> Bool:
        return TRUE


class _KeepsPdptes(ReferenceModeChanges):
    def _keeps_pdptes(self) -> bool:
        return True


class _EntersPaged(ReferenceModeChanges):
    def _kept_of_cr0(self) -> int:
        return super()._kept_of_cr0() | _PAGING


class _KeepsReserved(ReferenceModeChanges):
    def _reserved(self, _now: BitVec) -> BitVec:
        return var("vcpu->arch.reserved_gpa_bits", 64)


def _modes(variant: type[ReferenceModeChanges]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, mode_changes=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "smm-keeps-tables",
        "A vCPU goes on with the tables of the mode that it has left.",
        _SMM_C,
        r"(vcpu->arch\.pdptrs_from_userspace = false;\s+\}\s+)kvm_mmu_reset_context\(vcpu\);",
        r"\1",
        _modes(_KeepsTables),
    ),
    defect(
        "smm-never-left",
        "Where system-management mode ends, the vCPU counts as in it.",
        _SMM_C,
        r"vcpu->arch\.hflags &= ~\(HF_SMM_MASK \| HF_SMM_INSIDE_NMI_MASK\);",
        "vcpu->arch.hflags &= ~HF_SMM_INSIDE_NMI_MASK;",
        _modes(_Stays),
    ),
    defect(
        "smm-own-pdptes",
        "PDPTEs that userspace has set are used behind system-management mode.",
        _SMM_C,
        r"vcpu->arch\.pdptrs_from_userspace = false;",
        "",
        _modes(_KeepsPdptes),
    ),
    defect(
        "smm-entered-paged",
        "A vCPU enters system-management mode with paging on.",
        _SMM_C,
        r"~\(X86_CR0_PE \| X86_CR0_EM \| X86_CR0_TS \| X86_CR0_PG\)",
        "~(X86_CR0_PE | X86_CR0_EM | X86_CR0_TS)",
        _modes(_EntersPaged),
    ),
    defect(
        "cpuid-keeps-reserved",
        "The reserved bits of an address stay those of an earlier CPUID.",
        "arch/x86/kvm/cpuid.c",
        r"vcpu->arch\.reserved_gpa_bits = kvm_vcpu_reserved_gpa_bits_raw\(vcpu\);",
        "",
        _modes(_KeepsReserved),
    ),
)
