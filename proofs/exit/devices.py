"""Exits of pages that are kept for devices: which device is asked, and what the MMU is told."""

from __future__ import annotations

from mmuproof.model.exits import DeviceAsked
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.terms import all_of, any_of, ne, negate
from mmuproof.spec.page_fault import RESERVED_FLAG

_L2 = "KVM's comment in handle_ept_misconfig(): L2's address is no address of the memory that devices are in"
_MISCONFIGURED = "SDM 30.2.1: an EPT misconfiguration tells nothing of the access"


def _device(kvm: Kvm, vendor: Vendor) -> Claim:
    made = kvm.exits.ept_misconfiguration() if vendor is Vendor.INTEL else kvm.exits.npf_of_device()
    return never(
        given(
            shown=(
                Shown("is_guest_mode()", made.in_guest_mode),
                Shown("the address of the exit", made.address),
                Shown("a device is asked", made.asked),
                Shown("the address that it is asked of", made.asked_address),
                Shown("the error code that is handed on", made.handed_on.error_code),
            ),
            evidence=made.evidence,
            part=made.function,
        ),
        Wrong(
            "device-in-l2",
            all_of(made.asked, made.in_guest_mode),
            "A write of L2 is given to a device at L2's address.",
        ).told("a device is asked", _L2),
        Wrong(
            "device-of-other-page",
            all_of(made.asked, any_of(negate(made.marked), ne(made.asked_address, made.address))),
            "A device is asked of another address than that of the exit, or of a page that is not kept for devices.",
        ).told("a device is asked", "KVM's own rule: SPTEs that are kept for devices have a reserved bit"),
        Wrong(
            "other-address",
            all_of(made.handed_on.reached, ne(made.handed_on.gpa, made.address)),
            "The MMU is asked of another address than that of the exit.",
        ).told(
            "another address", _MISCONFIGURED if vendor is Vendor.INTEL else "APM 15.25.6: EXITINFO2 is the address"
        ),
        *_misconfigured(made, vendor),
    )


def _misconfigured(made: DeviceAsked, vendor: Vendor) -> tuple[Symptom, ...]:
    if vendor is not Vendor.INTEL:
        return ()
    other = ne(made.handed_on.error_code, 1 << RESERVED_FLAG)
    return (
        Wrong(
            "misconfiguration-as-access",
            all_of(made.handed_on.reached, other),
            "An EPT misconfiguration is handed on as an access of which the exit does not tell.",
        ).told("more than a reserved bit, or not even that", _MISCONFIGURED),
    )


THEOREMS = (
    Theorem(
        name="exit.device",
        claim="A device is asked by the address of an exit alone only outside of L2, of that very address, and only "
        "where the exit tells of a reserved bit. An EPT misconfiguration is handed on as that and nothing else.",
        source="SDM 30.2.1; APM 15.25.6; KVM's comments in handle_ept_misconfig() and npf_interception()",
        assumes=("whether a device takes the write, and whether the instruction can be emulated, is any answer",),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=alone(_device),
        catches=(
            Catch("device-asked-in-l2", "device-in-l2"),
            Catch("device-asked-of-page", "device-of-other-page"),
            Catch("misconfiguration-is-write", "misconfiguration-as-access"),
        ),
    ),
)
