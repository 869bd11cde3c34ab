"""MBEC on its way to L2: only where the processor has what it takes, and for L2 exactly as L1 asks."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.vmx_gating import Controls
from mmuproof.proofs.claims import Wrong, always, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool, all_of, any_of, bit, bool_var, bv, extract, iff, implies, ne, negate, var
from mmuproof.spec import vmx_controls as vmx

CONTROL_FLAGS = ((vmx.EPT_BIT, "EPT"), (vmx.MBEC_BIT, "MBEC"))


def controls(name: str) -> Controls:
    """Free controls of a VMCS."""
    return Controls(var(f"{name}'s primary controls", 32), var(f"{name}'s secondary controls", 32))


def controls_shown(name: str, shown: Controls) -> tuple[Shown, ...]:
    """Controls for a counterexample."""
    return (
        Shown(f"{name}.cpu_based_vm_exec_control", shown.primary, ((vmx.ACTIVATE_SECONDARY_BIT, "SECONDARY"),)),
        Shown(f"{name}.secondary_vm_exec_control", shown.secondary, CONTROL_FLAGS, NumberKind.SECONDARY_CONTROLS),
    )


def _in_force(shown: Controls) -> Bool:
    return vmx.mode_based_execute_control(shown.primary, shown.secondary)


# -- the module ---------------------------------------------------------------------------------------------


def _needs_advanced_info(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield _configuration(kvm)
    yield _setting(kvm)


def _configuration(kvm: Kvm) -> Claim:
    made = kvm.vmx_gating.setup_vmcs_config()
    mbec, with_ept = bit(made.secondary, vmx.MBEC_BIT), bit(made.secondary, vmx.EPT_BIT)
    informed = all_of(vmx.advanced_information(made.ept_capability), vmx.advanced_information(made.ept_vpid_capability))
    blind, without = all_of(mbec, negate(informed)), all_of(mbec, negate(with_ept))
    return never(
        given(
            Assumption("setup_vmcs_config() succeeds: the module is not loaded otherwise", made.succeeds),
            shown=(
                Shown("IA32_VMX_PROCBASED_CTLS2", made.allowed_secondary),
                Shown("IA32_VMX_EPT_VPID_CAP", made.ept_vpid_capability),
                Shown("cpu_based_2nd_exec_ctrl", made.secondary, CONTROL_FLAGS, NumberKind.SECONDARY_CONTROLS),
            ),
            evidence=made.evidence,
            part="configuration",
        ),
        Wrong(
            "mbec-without-advanced-info",
            blind,
            "KVM uses MBEC on a processor whose exits do not tell user-mode linear addresses from others.",
        ).told(
            "MBEC in cpu_based_2nd_exec_ctrl",
            "SDM A.10: exit qualification bits 9 to 11 need IA32_VMX_EPT_VPID_CAP bit 22",
        ),
        Wrong("mbec-without-ept", without, "KVM uses MBEC without EPT.").told(
            "MBEC in cpu_based_2nd_exec_ctrl", "SDM 29.2.1.1: VM entry fails"
        ),
    )


def _setting(kvm: Kvm) -> Claim:
    secondary, asked_for = var("vmcs_config.cpu_based_2nd_exec_ctrl", 32), bool_var("mbec module parameter")
    made = kvm.vmx_gating.hardware_setup(secondary, asked_for)
    possible = all_of(asked_for, bit(secondary, vmx.MBEC_BIT), made.enable_ept)
    on, off = all_of(made.enable_mbec, negate(possible)), all_of(possible, negate(made.enable_mbec))
    return never(
        given(
            Assumption("vmx_hardware_setup() succeeds: the module is not loaded otherwise", made.succeeds),
            shown=(
                Shown("mbec module parameter", asked_for),
                Shown("enable_ept", made.enable_ept),
                Shown("vmcs_config.cpu_based_2nd_exec_ctrl", secondary, CONTROL_FLAGS, NumberKind.SECONDARY_CONTROLS),
            ),
            evidence=made.evidence,
            part="setting",
        ),
        Wrong("mbec-on", on, "enable_mbec is set although MBEC is not asked for, not configured, or EPT is off.").told(
            "enable_mbec is set", "SDM 29.2.1.1: MBEC needs EPT"
        ),
        Wrong("mbec-off", off, "enable_mbec is clear although MBEC is asked for and possible.").told(
            "enable_mbec is clear", "KVM: the module's parameter asks for it"
        ),
    )


# -- VM entry -------------------------------------------------------------------------------------------------


def _entry(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    vmcs12, offered = controls("vmcs12"), var("secondary controls that L1 is offered", 32)
    whole = kvm.vmx_gating.check_vm_execution_controls(vmcs12, offered)
    own = kvm.vmx_gating.check_mbec_controls(vmcs12)
    wrong = vmx.mbec_without_ept(vmcs12.primary, vmcs12.secondary)
    unoffered = all_of(_in_force(vmcs12), negate(bit(offered, vmx.MBEC_BIT)))
    accepted, taken = all_of(wrong, negate(whole.fails)), all_of(unoffered, negate(whole.fails))
    missed, invented = all_of(wrong, negate(own.fails)), all_of(own.fails, negate(wrong))
    fails = "SDM 29.2.1.1: VM entry fails"
    entered = Wrong("enters-without-ept", accepted, "L1 can enter L2 with MBEC and without EPT.").told(
        "VM entry", fails
    )
    yield always(
        negate(any_of(accepted, taken)),
        given(
            shown=(
                *controls_shown("vmcs12", vmcs12),
                Shown("offered", offered, CONTROL_FLAGS, NumberKind.SECONDARY_CONTROLS),
            ),
            evidence=whole.evidence,
            part="VM entry",
        ),
        entered,
        Wrong("enters-unoffered", taken, "L1 can enter L2 with MBEC although it is not offered MBEC.").told(
            "VM entry", fails
        ),
    )
    yield always(
        iff(own.fails, wrong),
        given(shown=controls_shown("vmcs12", vmcs12), evidence=own.evidence, part="the check of MBEC"),
        Wrong("check-misses", missed, "The check of MBEC passes MBEC without EPT.").told("no error", fails),
        Wrong("check-invents", invented, "The check of MBEC refuses what is right.").told(
            "an error", "SDM 29.2.1.1: MBEC is off, or EPT on"
        ),
    )


def _vmcs02(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    vmcs01, vmcs12 = controls("vmcs01"), controls("vmcs12")
    made, mmu = kvm.vmx_gating.prepare_vmcs02_early(vmcs01, vmcs12), kvm.vmx_gating.new_eptp(vmcs12)
    wanted, has = _in_force(vmcs12), _in_force(made.controls)
    extra, lost, differs = all_of(has, negate(wanted)), all_of(wanted, negate(has)), mmu.mbec ^ wanted
    rule = "SDM 27.6.2: vmcs12 says whether MBEC is on for L2"
    yield never(
        given(
            shown=(
                *controls_shown("vmcs01", vmcs01),
                *controls_shown("vmcs12", vmcs12),
                *controls_shown("vmcs02", made.controls),
            ),
            evidence=made.evidence,
            part="vmcs02",
        ),
        Wrong("mbec-inherited", extra, "L2 runs with MBEC although L1 does not ask for it.").told(
            "MBEC in vmcs02", rule
        ),
        Wrong("mbec-lost", lost, "L2 runs without MBEC although L1 asks for it.").told("no MBEC in vmcs02", rule),
    )
    yield never(
        given(shown=controls_shown("vmcs12", vmcs12), evidence=mmu.evidence, part="the MMU"),
        Wrong("mmu-disagrees", differs, "The MMU that shadows L1's EPT is told another MBEC than vmcs12 has.").told(
            "another MBEC", rule
        ),
    )


# -- enlightened VMCSs ------------------------------------------------------------------------------------------


def _evmcs(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    data, vmcs12 = var("IA32_VMX_PROCBASED_CTLS2", 64), controls("vmcs12")
    gating, mbec = kvm.vmx_gating, 32 + vmx.MBEC_BIT
    filtered = gating.evmcs_filter(data)
    withheld = bit(data, mbec) ^ bit(filtered.data, mbec)
    with_mbec = Controls(vmcs12.primary, vmcs12.secondary | 1 << vmx.MBEC_BIT)
    without_mbec = Controls(vmcs12.primary, vmcs12.secondary & ~(1 << vmx.MBEC_BIT))
    accepts, refuses = gating.evmcs_check(without_mbec), gating.evmcs_check(with_mbec)
    refused = refuses.fails ^ accepts.fails
    whole = gating.evmcs_filter(bv(-1, 64))
    foreign = ne(vmcs12.secondary & ~extract(whole.data, 63, 32), 0)
    checked = gating.evmcs_check(vmcs12)
    slips = negate(implies(foreign, checked.fails))
    rule = "TLFS: an enlightened VMCS has a field for the secondary controls, and MBEC needs no other"
    yield never(
        given(shown=(Shown("IA32_VMX_PROCBASED_CTLS2", data),), evidence=filtered.evidence, part="what L1 is offered"),
        Wrong("mbec-withheld", withheld, "With an enlightened VMCS, L1 is offered another MBEC than without.").told(
            "another MBEC", rule
        ),
    )
    yield never(
        given(
            shown=controls_shown("vmcs12", vmcs12),
            evidence=accepts.evidence + refuses.evidence + checked.evidence + whole.evidence,
            part="VM entry",
        ),
        Wrong("mbec-refused", refused, "With an enlightened VMCS, VM entry depends on whether MBEC is on.").told(
            "VM entry fails", rule
        ),
        Wrong(
            "withheld-control-accepted",
            slips,
            "With an enlightened VMCS, VM entry accepts a control that L1 is not offered.",
        ).told("VM entry", "SDM 29.2.1.1: a control that may not be 1"),
    )


THEOREMS = (
    Theorem(
        name="gating.mbec-needs-advanced-info",
        claim="MBEC is on only with EPT, and where exits tell user-mode linear addresses from others; there it is on "
        "if the module's parameter asks for it.",
        source="SDM 29.2.1.1, A.10; KVM's comment in setup_vmcs_config()",
        assumes=("setup_vmcs_config() and vmx_hardware_setup() succeed: the module is not loaded otherwise",),
        vendors=(Vendor.INTEL,),
        needs=(Need(Feature.MBEC),),
        state=several(_needs_advanced_info),
        catches=(
            Catch("mbec-without-advanced-info", "mbec-without-advanced-info"),
            Catch("mbec-on-without-ept", "mbec-on"),
        ),
    ),
    Theorem(
        name="gating.entry-without-ept",
        claim="L1 cannot enter L2 with MBEC if it has EPT off for L2, or if it is not offered MBEC.",
        source="SDM 29.2.1.1",
        assumes=("no secondary control has to be 1: nested_vmx_setup_secondary_ctls() sets secondary_ctls_low to 0",),
        vendors=(Vendor.INTEL,),
        state=several(_entry),
        catches=(Catch("mbec-without-ept-enters", "enters-without-ept"),),
    ),
    Theorem(
        name="gating.vmcs02",
        claim="L2 runs with MBEC exactly if vmcs12 has it on, whatever L1 itself runs with; the MMU that shadows L1's "
        "EPT is told the same.",
        source="SDM 27.6.2",
        assumes=("the processor has secondary controls: without them, it has no EPT",),
        vendors=(Vendor.INTEL,),
        needs=(Need(Feature.MBEC),),
        state=several(_vmcs02),
        catches=(
            Catch("vmcs02-inherits-mbec", "mbec-inherited"),
            Catch("nested-ept-mmu-without-mbec", "mmu-disagrees"),
        ),
    ),
    Theorem(
        name="gating.evmcs",
        claim="With an enlightened VMCS, L1 is offered MBEC exactly as without one, and may use it; a secondary "
        "control that it is not offered is refused.",
        source="TLFS, enlightened VMCS; SDM 29.2.1.1",
        vendors=(Vendor.INTEL,),
        needs=(Need(Feature.MBEC),),
        state=several(_evmcs),
        catches=(Catch("evmcs-without-mbec", "mbec-withheld"),),
    ),
)
