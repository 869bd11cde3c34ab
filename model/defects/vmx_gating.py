"""Defects on the way of MBEC from the processor to L2."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.edits import SourceEdit
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.vmx_gating import ReferenceVmxGating
from mmuproof.model.vmx_gating import Controls
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bit, bv, var

_VMX_C = "arch/x86/kvm/vmx/vmx.c"
_NESTED_VMX = "arch/x86/kvm/vmx/nested.c"
_EVMCS_H = "arch/x86/kvm/vmx/hyperv_evmcs.h"
_MBEC = 22


class _WithoutAdvancedInfo(ReferenceVmxGating):
    def _enough_for_mbec(self, ept_capability: BitVec) -> Bool:
        return TRUE


class _MbecWithoutEpt(ReferenceVmxGating):
    def mbec_setting(self, secondary: BitVec, asked_for: Bool, enable_ept: Bool) -> Bool:
        return super().mbec_setting(secondary, asked_for, TRUE)


class _MbecOffered(ReferenceVmxGating):
    def _offered(self, enable_mbec: Bool) -> Bool:
        return TRUE


class _AdvancedInfoNotOffered(ReferenceVmxGating):
    def _kept_capability(self) -> int:
        return 0


class _EntersWithoutEpt(ReferenceVmxGating):
    def _entry_checks_mbec(self, vmcs12: Controls) -> Bool:
        return FALSE


class _Inherits(ReferenceVmxGating):
    def _inherited(self, vmcs01: Controls) -> Bool:
        return bit(vmcs01.secondary, _MBEC)


class _MmuWithoutMbec(ReferenceVmxGating):
    def nested_ept_mbec_enabled(self, vmcs12: Controls) -> Bool:
        return FALSE


class _EvmcsWithoutMbec(ReferenceVmxGating):
    evmcs_secondary = ReferenceVmxGating.evmcs_secondary & ~(1 << _MBEC)


class _CapabilitiesUnmasked(ReferenceVmxGating):
    def _processors(self, ept_capability: BitVec) -> BitVec:
        return bv(-1, 32)


class _FlagsOffered(ReferenceVmxGating):
    def _offers_flags(self, ad_bits: Bool) -> Bool:
        return TRUE


class _TablesOfTheProcessor(ReferenceVmxGating):
    def _capabilities_of_tables(self, offered: BitVec) -> BitVec:
        return var("vmx_capability.ept", 32)


class _FlagsAlways(ReferenceVmxGating):
    def _has_ad_bits(self, ept_capability: BitVec) -> Bool:
        return TRUE


class _PagesAlways(ReferenceVmxGating):
    def _largest_to_use(self, ept_capability: BitVec) -> BitVec:
        return bv(3, 32)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "mbec-without-advanced-info",
        "MBEC is used on processors without advanced information about exits.",
        _VMX_C,
        r"if \(!\(vmx_cap->ept & VMX_EPT_ADVANCED_VMEXIT_INFO_BIT\)\)",
        "if (0)",
        partial(ReferenceKvm, vmx_gating=_WithoutAdvancedInfo),
    ),
    defect(
        "mbec-on-without-ept",
        "enable_mbec stays set although EPT is off.",
        _VMX_C,
        r"(if \(!cpu_has_ept_mbec\(\)) \|\| !enable_ept\)",
        r"\1)",
        partial(ReferenceKvm, vmx_gating=_MbecWithoutEpt),
    ),
    defect(
        "mbec-offered-while-off",
        "L1 is offered MBEC whether KVM has it on or not.",
        _NESTED_VMX,
        r"if \(enable_mbec\)(\s+msrs->secondary_ctls_high)",
        r"if (1)\1",
        partial(ReferenceKvm, vmx_gating=_MbecOffered),
    ),
    defect(
        "advanced-info-not-offered",
        "L1 is not told that exits tell user-mode linear addresses from others.",
        _NESTED_VMX,
        r"(VMX_EPT_EXECUTE_ONLY_BIT) \|\s+VMX_EPT_ADVANCED_VMEXIT_INFO_BIT;",
        r"\1;",
        partial(ReferenceKvm, vmx_gating=_AdvancedInfoNotOffered),
    ),
    defect(
        "mbec-without-ept-enters",
        "VM entry does not look for MBEC without EPT.",
        _NESTED_VMX,
        r"nested_vmx_check_mode_based_ept_exec_controls\(vcpu, vmcs12\) \|\|",
        "",
        partial(ReferenceKvm, vmx_gating=_EntersWithoutEpt),
    ),
    defect(
        "vmcs02-inherits-mbec",
        "L2 runs with MBEC if L1 does.",
        _NESTED_VMX,
        r"SECONDARY_EXEC_MODE_BASED_EPT_EXEC \|(\s+SECONDARY_EXEC_DESC\);)",
        r"\1",
        partial(ReferenceKvm, vmx_gating=_Inherits),
    ),
    defect(
        "nested-ept-mmu-without-mbec",
        "The MMU that shadows L1's EPT is told that MBEC is off.",
        _NESTED_VMX,
        r"return nested_cpu_has2\(vmcs12, SECONDARY_EXEC_MODE_BASED_EPT_EXEC\);",
        "return false;",
        partial(ReferenceKvm, vmx_gating=_MmuWithoutMbec),
    ),
    defect(
        "evmcs-without-mbec",
        "MBEC is none of the controls that an enlightened VMCS may have.",
        _EVMCS_H,
        r"(SECONDARY_EXEC_NOTIFY_VM_EXITING \|\s+\\\n)\s+SECONDARY_EXEC_MODE_BASED_EPT_EXEC \|\s+\\\n",
        r"\1",
        partial(ReferenceKvm, vmx_gating=_EvmcsWithoutMbec),
    ),
    defect(
        "ept-capabilities-unmasked",
        "L1 is offered what KVM can shadow of EPT, whether the processor has it or not.",
        _NESTED_VMX,
        r"msrs->ept_caps &= ept_caps;",
        "",
        partial(ReferenceKvm, vmx_gating=_CapabilitiesUnmasked),
    ),
    defect(
        "ept-flags-always",
        "KVM takes every processor to keep accessed and dirty flags in EPT.",
        _VMX_C,
        r"(kvm_mmu_set_ept_masks\()enable_ept_ad_bits\)",
        r"\1true)",
        partial(ReferenceKvm, vmx_gating=_FlagsAlways),
    ),
    defect(
        "ept-1g-pages-always",
        "KVM takes every processor to map pages of 1 GByte with EPT.",
        _VMX_C,
        r"(vmx_get_max_ept_level\(\),\s+)ept_caps_to_lpage_level\(vmx_capability\.ept\)\);",
        r"\1PG_LEVEL_1G);",
        partial(ReferenceKvm, vmx_gating=_PagesAlways),
    ),
    defect(
        "ept-flags-offered",
        "L1 is offered accessed and dirty flags in EPT whether KVM uses them or not.",
        _NESTED_VMX,
        r"if \(enable_ept_ad_bits\) \{(\s+msrs->secondary_ctls_high)",
        r"if (1) {\1",
        partial(ReferenceKvm, vmx_gating=_FlagsOffered),
    ),
    Defect(
        "nested-ept-of-the-processors",
        "L1's EPT is judged by what the processor can do, not by what L1 is offered.",
        (
            SourceEdit(_NESTED_VMX, r"(bool execonly = )vmx->nested\.msrs\.ept_caps", r"\1vmx_capability.ept"),
            SourceEdit(
                _NESTED_VMX,
                r"ept_caps_to_lpage_level\(vmx->nested\.msrs\.ept_caps\)",
                "ept_caps_to_lpage_level(vmx_capability.ept)",
            ),
        ),
        partial(ReferenceKvm, vmx_gating=_TablesOfTheProcessor),
    ),
)
