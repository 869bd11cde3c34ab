"""Defects on the way of GMET from the processor to L2."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.svm_gating import ReferenceSvmGating
from mmuproof.smt.terms import TRUE, BitVec, Bool, var

_SVM_C = "arch/x86/kvm/svm/svm.c"
_NESTED_SVM = "arch/x86/kvm/svm/nested.c"


class _GmetOffered(ReferenceSvmGating):
    def _offered(self, gmet_enabled: Bool) -> Bool:
        return TRUE


class _GmetWithoutNpt(ReferenceSvmGating):
    def gmet_setting(self, asked_for: Bool, npt_enabled: Bool, has_gmet: Bool) -> Bool:
        return super().gmet_setting(asked_for, TRUE, has_gmet)


class _CachedGmetKept(ReferenceSvmGating):
    def _may_use_gmet(self, gmet_enabled: Bool, guest_has_gmet: Bool) -> Bool:
        return gmet_enabled


class _InheritsGmet(ReferenceSvmGating):
    def _dropped_for_l2(self) -> int:
        return 0


class _WithoutL1sGmet(ReferenceSvmGating):
    def _from_vmcb01(self) -> int:
        return 0


class _CachedNestedPagingKept(ReferenceSvmGating):
    def _dropped_without_npt(self) -> int:
        return 0


class _AllOfVmcb12(ReferenceSvmGating):
    def _taken_from_l2(self) -> int:
        return -1


class _FormatOfL2(ReferenceSvmGating):
    def _cr4_of_tables(self, cr4: BitVec) -> BitVec:
        return var("svm->vmcb->save.cr4", 64)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "gmet-offered-while-off",
        "Guests may have GMET whether KVM has it on or not.",
        _SVM_C,
        r"if \(gmet_enabled\)(\s+kvm_cpu_cap_set\(X86_FEATURE_GMET\);)",
        r"if (1)\1",
        partial(ReferenceKvm, svm_gating=_GmetOffered),
    ),
    defect(
        "gmet-on-without-npt",
        "gmet_enabled stays set although nested paging is off.",
        _SVM_C,
        r"if \(!npt_enabled \|\| (!boot_cpu_has\(X86_FEATURE_GMET\)\))",
        r"if (\1",
        partial(ReferenceKvm, svm_gating=_GmetWithoutNpt),
    ),
    defect(
        "cached-gmet-kept",
        "The cached VMCB 12 keeps GMET of an L1 that was not given it.",
        _NESTED_SVM,
        r"if \(!gmet_enabled \|\| !guest_cpu_cap_has\(vcpu, X86_FEATURE_GMET\)\)",
        "if (!gmet_enabled)",
        partial(ReferenceKvm, svm_gating=_CachedGmetKept),
    ),
    defect(
        "vmcb02-inherits-gmet",
        "L2 runs on L1's nested page tables with GMET if L1 runs with it.",
        _NESTED_SVM,
        r"vmcb02->control\.misc_ctl &= ~SVM_MISC_ENABLE_GMET;",
        "",
        partial(ReferenceKvm, svm_gating=_InheritsGmet),
    ),
    defect(
        "vmcb02-without-l1s-gmet",
        "L2 runs without GMET on the pages that KVM has for L1.",
        _NESTED_SVM,
        r"& \(SVM_MISC_ENABLE_NP \| SVM_MISC_ENABLE_GMET\);",
        "& SVM_MISC_ENABLE_NP;",
        partial(ReferenceKvm, svm_gating=_WithoutL1sGmet),
    ),
    defect(
        "cached-nested-paging-kept",
        "The cached VMCB 12 keeps nested paging of an L1 that was not given it.",
        _NESTED_SVM,
        r"if \(!guest_cpu_cap_has\(vcpu, X86_FEATURE_NPT\)\)\s+to->misc_ctl &= ~SVM_MISC_ENABLE_NP;",
        "",
        partial(ReferenceKvm, svm_gating=_CachedNestedPagingKept),
    ),
    defect(
        "vmcb02-has-all-of-vmcb12",
        "L2 runs with every feature that vmcb12 turns on.",
        _NESTED_SVM,
        r"(misc_ctl \|= )\((svm->nested\.ctl\.misc_ctl) & SVM_MISC_ENABLE_GMET\);",
        r"\1\2;",
        partial(ReferenceKvm, svm_gating=_AllOfVmcb12),
    ),
    defect(
        "nested-npt-of-l2s-cr4",
        "The MMU that shadows L1's nested page tables takes their format from L2's CR4.",
        _NESTED_SVM,
        r"svm->vmcb01\.ptr->save\.cr4,(\s+svm->vmcb01\.ptr->save\.efer,)",
        r"svm->vmcb->save.cr4,\1",
        partial(ReferenceKvm, svm_gating=_FormatOfL2),
    ),
)
