"""EPTPs of L1: those, and only those, that the processor would take which L1 is offered."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.terms import all_of, negate
from mmuproof.spec import ept_pointer

_CHECKS = "SDM 29.2.1.1: VM entry fails, and so does an EPTP switch (29.5.6.3)"


def _accepted(kvm: Kvm, _vendor: Vendor) -> Claim:
    checked, name = kvm.mappings.check_eptp(), "nested_vmx_check_eptp()"
    valid = all_of(checked.legal, ept_pointer.offered(checked.eptp, checked.offered))
    return never(
        given(
            shown=(
                Shown("EPTP", checked.eptp),
                Shown("IA32_VMX_EPT_VPID_CAP of L1", checked.offered),
                Shown("L1 can have such an address", checked.legal),
            ),
            evidence=checked.evidence,
        ),
        Wrong(
            "invalid-accepted",
            all_of(checked.accepted, negate(valid)),
            f"{name} lets L1 use an EPTP that its processor would not take.",
        ).told("the EPTP is accepted", _CHECKS),
        Wrong(
            "valid-refused",
            all_of(valid, negate(checked.accepted)),
            f"{name} refuses an EPTP that L1's processor would take.",
        ).told("the EPTP is refused", _CHECKS),
    )


THEOREMS = (
    Theorem(
        name="gating.accepted-eptp",
        claim="L1 may use an EPTP exactly if its processor would take it: memory type, levels, and accessed and dirty "
        "flags that L1 is offered, no reserved bit, and an address that L1 can have.",
        source="SDM 29.2.1.1, 29.5.6.3, A.10",
        assumes=("whether L1 can have an address is right: kvm_vcpu_is_legal_gpa() asks by role.new-cpuid",),
        vendors=(Vendor.INTEL,),
        state=alone(_accepted),
        catches=(
            Catch("eptp-with-reserved-bits", "invalid-accepted"),
            Catch("eptp-with-flags-unoffered", "invalid-accepted"),
        ),
    ),
)
