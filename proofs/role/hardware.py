"""MBEC and GMET: the MMU and the processor are told the same."""

from __future__ import annotations

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, iff, implies, negate

_SUPPORTED = "enable_mbec is off unless the secondary controls have MBEC: vmx_hardware_setup()"
_FRESH = "the VMCB is allocated zeroed, and nothing but init_vmcb() sets GMET in vmcb01"


def _vendor_bit(kvm: Kvm, vendor: Vendor) -> Claim:
    found = kvm.hardware_controls.execute_control(vendor)
    name, where, manual = (
        ("MBEC", "the VMCS", "SDM 31.3.3.2") if vendor is Vendor.INTEL else ("GMET", "the VMCB", "APM 15.25.13")
    )
    mmu_only = all_of(found.told_to_mmu, negate(found.in_hardware))
    hardware_only = all_of(found.in_hardware, negate(found.told_to_mmu))
    unset = all_of(found.setting, negate(any_of(found.told_to_mmu, found.in_hardware)))
    return always(
        all_of(iff(found.told_to_mmu, found.in_hardware), negate(unset)),
        given(
            Assumption(_SUPPORTED, implies(found.setting, found.supported))
            if vendor is Vendor.INTEL
            else Assumption(_FRESH, negate(found.before)),
            shown=(Shown("tdp_has_smep()", found.told_to_mmu), Shown(f"{name} in {where}", found.in_hardware)),
            evidence=found.evidence,
        ),
        Wrong("mmu-only", mmu_only, f"The MMU maps pages for {name}, and {where} does not turn it on.").told(
            f"{name} is off in {where}", f"{manual}: pages mean what the control says"
        ),
        Wrong(
            "hardware-only",
            hardware_only,
            f"{where[0].upper()}{where[1:]} turns {name} on, and the MMU maps pages as if it were off.",
        ).told(f"{name} is on in {where}", f"{manual}: pages mean what the control says"),
        Wrong("ignored", unset, f"{name} is on for KVM, and neither the MMU nor {where} knows.").told(
            f"{name} is off", "KVM: the module's parameter"
        ),
    )


THEOREMS = (
    Theorem(
        name="role.vendor-bit",
        claim="MBEC in a VMCS and GMET in a VMCB are on exactly if the MMU is told so, which the root's role says.",
        source="SDM 31.3.3.2, APM 15.25.13",
        assumes=(_SUPPORTED, _FRESH),
        vendors=(Vendor.INTEL, Vendor.AMD),
        needs=(Need(Feature.TDP_SMEP),),
        state=alone(_vendor_bit),
        catches=(Catch("vmcs-keeps-mbec", "hardware-only"), Catch("vmcb-without-gmet", "mmu-only")),
    ),
)
