"""Defects of the registers that are let into a vCPU: checks of long mode that are lost."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.guest_registers import Registers
from mmuproof.model.reference.guest_registers import ReferenceGuestRegisters
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool

_REGS_C = "arch/x86/kvm/regs.c"
_X86_C = "arch/x86/kvm/x86.c"
_SVM_C = "arch/x86/kvm/svm/svm.c"
_NESTED_SVM_C = "arch/x86/kvm/svm/nested.c"
_NESTED_VMX_C = "arch/x86/kvm/vmx/nested.c"


class _VmcbUnchecked(ReferenceGuestRegisters):
    def vmcb_in_long_mode(self, asked: Registers) -> Bool:
        return TRUE


class _VmcsUnchecked(ReferenceGuestRegisters):
    def vmcs_in_long_mode(self, ia32e: Bool, asked: Registers) -> Bool:
        return TRUE


class _SregsUnchecked(ReferenceGuestRegisters):
    def valid_sregs(self, asked: Registers) -> Bool:
        return TRUE


class _PaeLost(ReferenceGuestRegisters):
    def stays_in_long_mode(self, before: BitVec, cr4: BitVec) -> Bool:
        return TRUE


class _LmaWritten(ReferenceGuestRegisters):
    def written_efer(self, before: BitVec, efer: BitVec) -> BitVec:
        return efer


class _SvmKeepsLma(ReferenceGuestRegisters):
    def leaves_long_mode(self, vendor: Vendor) -> Bool:
        return FALSE if vendor is Vendor.AMD else super().leaves_long_mode(vendor)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "l2-long-mode-without-pae",
        "L1 may enter an L2 in long mode without CR4.PAE (AMD).",
        _NESTED_SVM_C,
        r"if \(CC\(!\(save->cr4 & X86_CR4_PAE\)\) \|\|\s+CC\(!\(save->cr0 & X86_CR0_PE\)\) \|\|",
        "if (",
        partial(ReferenceKvm, guest_registers=_VmcbUnchecked),
    ),
    defect(
        "vmcs12-long-mode-without-pae",
        "L1 may enter an L2 in long mode without CR4.PAE or paging (Intel).",
        _NESTED_VMX_C,
        r"if \(CC\(ia32e && !\(vmcs12->guest_cr4 & X86_CR4_PAE\)\) \|\|\s+"
        r"CC\(ia32e && !\(vmcs12->guest_cr0 & X86_CR0_PG\)\)\)",
        "if (false)",
        partial(ReferenceKvm, guest_registers=_VmcsUnchecked),
    ),
    defect(
        "sregs-long-mode-without-pae",
        "Userspace may set EFER.LMA whatever the other registers are.",
        _REGS_C,
        r"(static bool kvm_is_valid_sregs\([^{]*\{\s+)if \([^{}]*\{[^{}]*\} else \{[^{}]*\}\n",
        r"\1",
        partial(ReferenceKvm, guest_registers=_SregsUnchecked),
    ),
    defect(
        "cr4-loses-pae-in-long-mode",
        "A guest in long mode may clear CR4.PAE.",
        _REGS_C,
        r"if \(is_long_mode\(vcpu\)\) \{\s+if \(!\(cr4 & X86_CR4_PAE\)\)\s+return 1;\s+"
        r"if \(\(cr4 \^ old_cr4\) & X86_CR4_LA57\)\s+return 1;",
        "if (is_long_mode(vcpu)) {",
        partial(ReferenceKvm, guest_registers=_PaeLost),
    ),
    defect(
        "efer-write-sets-lma",
        "A guest may write EFER.LMA.",
        _X86_C,
        r"efer &= ~EFER_LMA;\s+efer \|= vcpu->arch\.efer & EFER_LMA;",
        "",
        partial(ReferenceKvm, guest_registers=_LmaWritten),
    ),
    defect(
        "svm-unpaged-keeps-lma",
        "On AMD, EFER.LMA stays when the guest turns paging off.",
        _SVM_C,
        r"vcpu->arch\.efer &= ~EFER_LMA;",
        "",
        partial(ReferenceKvm, guest_registers=_SvmKeepsLma),
    ),
)
