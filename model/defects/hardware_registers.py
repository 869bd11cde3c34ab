"""Defects of what the processor is told of a guest's registers."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.hardware_registers import ReferenceHardwareRegisters
from mmuproof.model.reference.kvm import ReferenceKvm

_VMX_C, _SVM_C = "arch/x86/kvm/vmx/vmx.c", "arch/x86/kvm/svm/svm.c"


class _NoWriteProtect(ReferenceHardwareRegisters):
    def _cr0_of_tables(self) -> int:
        return 1 << 31


class _NoExecuteDisable(ReferenceHardwareRegisters):
    def _efer_of_tables(self) -> int:
        return 0


class _RightsWithoutPaging(ReferenceHardwareRegisters):
    def _without_paging(self) -> int:
        return 3 << 21


def _registers(variant: type[ReferenceHardwareRegisters]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, hardware_registers=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "run-without-write-protect",
        "A guest whose tables are shadowed runs with its own CR0.WP.",
        _SVM_C,
        r"hcr0 \|= X86_CR0_PG \| X86_CR0_WP;",
        "hcr0 |= X86_CR0_PG;",
        _registers(_NoWriteProtect),
    ),
    defect(
        "run-without-execute-disable",
        "A guest whose tables are shadowed runs with its own EFER.NXE.",
        _VMX_C,
        r"if \(!enable_ept\)\s+guest_efer \|= EFER_NX;",
        "",
        _registers(_NoExecuteDisable),
    ),
    defect(
        "run-smep-without-paging",
        "A guest without paging runs with CR4.SMEP where the processor has paging on.",
        _VMX_C,
        r"hw_cr4 &= ~\(X86_CR4_SMEP \| X86_CR4_SMAP \| X86_CR4_PKE\);",
        "hw_cr4 &= ~(X86_CR4_SMAP | X86_CR4_PKE);",
        _registers(_RightsWithoutPaging),
    ),
)
