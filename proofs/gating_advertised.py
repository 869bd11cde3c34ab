"""MBEC and GMET are offered to L1 only where KVM itself has them on."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.model.kvm import Kvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.gating_mbec import CONTROL_FLAGS
from mmuproof.proofs.theorem import Catch, Claim, Shown, Symptom, Theorem
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, bit, bool_var, implies, negate, var
from mmuproof.spec import vmx_controls as vmx

_INFORMED = "where MBEC is on, exits tell user-mode linear addresses from others: gating.mbec-needs-advanced-info"
_NOT_YET = "no common code offers GMET: kvm_initialize_cpu_caps() leaves it clear"


def _advertised(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    return [_mbec(kvm)] if vendor is Vendor.INTEL else [_gmet_setting(kvm), _gmet(kvm)]


def _mbec(kvm: Kvm) -> Claim:
    enable_ept, enable_mbec = bool_var("enable_ept"), bool_var("enable_mbec")
    secondary, capability = var("vmcs_config.cpu_based_2nd_exec_ctrl", 32), var("vmx_capability.ept", 32)
    made = kvm.vmx_gating.setup_secondary_ctls(enable_ept, enable_mbec, secondary, capability)
    offered, on = bit(made.secondary, vmx.MBEC_BIT), all_of(enable_ept, enable_mbec)
    without_ept = all_of(offered, negate(bit(made.secondary, vmx.EPT_BIT)))
    blind = all_of(offered, negate(vmx.advanced_information(made.ept_capability)))
    extra, withheld = all_of(offered, negate(on)), all_of(on, negate(offered))
    return Claim(
        negate(any_of(extra, withheld, without_ept, blind)),
        (
            Symptom("offered-while-off", extra, "L1 is offered MBEC although KVM has it off.", "MBEC is offered",
                    "SDM A.3.3: the control may be 1, and then has to work"),
            Symptom("withheld", withheld, "L1 is not offered MBEC although KVM has it on.", "MBEC is not offered",
                    "KVM: mbec=1 offers it"),
            Symptom("offered-without-ept", without_ept, "L1 is offered MBEC and no EPT.", "MBEC is offered",
                    "SDM 29.2.1.1: no VM entry with MBEC can succeed"),
            Symptom("offered-without-advanced-info", blind, "L1 is offered MBEC, and not told that exits tell "
                    "user-mode linear addresses from others.", "IA32_VMX_EPT_VPID_CAP bit 22 is clear",
                    "SDM A.10: L1 may not look at exit qualification bits 9 to 11"),
        ),
        (Assumption(_INFORMED, implies(enable_mbec, vmx.advanced_information(capability))),),
        (Shown("enable_ept", enable_ept), Shown("enable_mbec", enable_mbec), Shown("vmx_capability.ept", capability),
         Shown("secondary_ctls_high", made.secondary, CONTROL_FLAGS)),
        made.evidence,
    )  # fmt: skip


_OF_THE_PROCESSOR = (
    (vmx.EXECUTE_ONLY_BIT, "execute-only translations"),
    (vmx.FOUR_LEVELS_BIT, "tables of four levels"),
    (vmx.FIVE_LEVELS_BIT, "tables of five levels"),
    (vmx.ADVANCED_INFORMATION_BIT, "advanced information on exits"),
)


def _ept_capabilities(kvm: Kvm, _vendor: Vendor) -> Sequence[Claim]:
    has = var("vmx_capability.ept", 32)
    made = kvm.vmx_gating.offered_ept_capability(has)
    invented = [
        (all_of(bit(made.ept_capability, number), negate(bit(has, number))), what) for number, what in _OF_THE_PROCESSOR
    ]
    return [Claim(
        negate(any_of(*(when for when, _ in invented))),
        tuple(
            Symptom("not-the-processors", when, f"L1 is offered {what}, which the processor does not have.",
                    "the bit is set", "SDM A.10: what the bit promises has to work, through SPTEs of KVM's as well")
            for when, what in invented
        ),
        (),
        (Shown("vmx_capability.ept", has), Shown("offered", made.ept_capability)),
        made.evidence,
    )]  # fmt: skip


def _gmet_setting(kvm: Kvm) -> Claim:
    asked_for = bool_var("gmet module parameter")
    made = kvm.svm_gating.hardware_setup(asked_for)
    possible = all_of(asked_for, made.npt_enabled, made.has_gmet)
    on, off = all_of(made.gmet_enabled, negate(possible)), all_of(possible, negate(made.gmet_enabled))
    return Claim(
        negate(any_of(on, off)),
        (
            Symptom("gmet-on", on, "gmet_enabled is set although GMET is not asked for, the processor has none, or "
                    "nested paging is off.", "gmet_enabled is set",
                    "APM 15.25.13: GMET is part of nested paging, CPUID 8000_000A EDX[17]"),
            Symptom("gmet-off", off, "gmet_enabled is clear although GMET is asked for and possible.",
                    "gmet_enabled is clear", "KVM: the module's parameter asks for it"),
        ),
        (Assumption("svm_hardware_setup() succeeds: the module is not loaded otherwise", made.succeeds),),
        (Shown("gmet module parameter", asked_for), Shown("npt_enabled", made.npt_enabled),
         Shown("boot_cpu_has(GMET)", made.has_gmet)),
        made.evidence,
        "setting",
    )  # fmt: skip


def _gmet(kvm: Kvm) -> Claim:
    nested, enabled = bool_var("nested"), bool_var("gmet_enabled")
    made = kvm.svm_gating.set_cpu_caps(nested, enabled)
    on = all_of(nested, enabled)
    extra, withheld = all_of(made.gmet, negate(on)), all_of(on, negate(made.gmet))
    return Claim(
        negate(any_of(extra, withheld)),
        (
            Symptom("offered-while-off", extra, "Guests may have GMET although KVM has it, or nested virtualization, "
                    "off.", "GMET is offered", "APM 15.25.13: a processor that says so has GMET"),
            Symptom("withheld", withheld, "Guests may not have GMET although KVM has it on.", "GMET is not offered",
                    "KVM: gmet=1 offers it"),
        ),
        (Assumption(_NOT_YET, negate(made.before)),),
        (Shown("nested", nested), Shown("gmet_enabled", enabled)),
        made.evidence,
        "what guests may have",
    )  # fmt: skip


THEOREMS = (
    Theorem(
        name="gating.advertised-only-when-on",
        claim="L1 is offered MBEC exactly if KVM has MBEC and EPT on, and with it EPT and advanced information; it is "
              "offered GMET exactly if KVM has GMET on, which takes nested paging and a processor with GMET.",
        source="SDM 29.2.1.1, A.3.3, A.10; APM 15.25.13",
        assumes=(_INFORMED, _NOT_YET, "svm_hardware_setup() succeeds: the module is not loaded otherwise"),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=_advertised,
        catches=(
            Catch("mbec-offered-while-off", "offered-while-off"),
            Catch("advanced-info-not-offered", "offered-without-advanced-info"),
            Catch("gmet-offered-while-off", "offered-while-off"),
            Catch("gmet-on-without-npt", "gmet-on"),
        ),
    ),
    Theorem(
        name="gating.ept-capabilities",
        claim="Of execute-only translations, tables of 4 and 5 levels, and advanced information on exits L1 is offered "
              "nothing that the processor does not have.",
        source="SDM A.10",
        assumes=(),
        vendors=(Vendor.INTEL,),
        state=_ept_capabilities,
        catches=(
            Catch("ept-capabilities-unmasked", "not-the-processors"),
        ),
    ),
)  # fmt: skip
