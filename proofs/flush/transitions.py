"""What is flushed between L1 and L2: neither runs with translations of the other, nor L2 with some of another L2."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.invalidations import Transition, TransitionFlushed
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.terms import all_of, any_of, ne, negate

_TRANSITIONS = {Vendor.INTEL: (Transition.VMX_ENTRY, Transition.VMX_EXIT), Vendor.AMD: (Transition.SVM,)}
_NO_VPID = "SDM 31.4.3.1: VM entries and VM exits without VPID forget what is cached of linear addresses for VPID 0"
_TAGS = "SDM 31.4.1, APM 15.16: what is cached is told apart by VPID or ASID, and by EPTP"


def _wrongs(made: TransitionFlushed, transition: Transition) -> Iterator[Wrong]:
    shared = Wrong(
        "shared-tag",
        all_of(negate(made.tagged), negate(any_of(made.flushes_current, made.flushes_guest))),
        "The next guest may use what is cached of the one before, with the tag that both have.",
    )
    if transition is Transition.SVM:
        yield shared
        return
    yield Wrong(
        "vpid-0-kept",
        all_of(negate(made.has_vpid), negate(made.flushes_guest)),
        "L2 has no VPID, and what is cached for VPID 0 is kept.",
    )
    if transition is Transition.VMX_ENTRY:
        another = all_of(made.has_vpid, ne(made.vpid, made.last_vpid))
        yield Wrong(
            "other-vpid-kept",
            all_of(another, negate(made.flushes_guest)),
            "L2 gets another VPID, and may use what is cached for the one before.",
        )
    yield Wrong(
        "vpid-forgotten",
        all_of(made.has_vpid, ne(made.remembered, made.vpid))
        if transition is Transition.VMX_ENTRY
        else ne(made.remembered, made.last_vpid),
        "KVM does not remember the VPID for which it has flushed.",
    )
    yield shared


def _state(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for transition in _TRANSITIONS[vendor]:
        made = kvm.invalidations.at_transition(transition)
        yield never(
            given(
                shown=(
                    Shown("L2 has a VPID", made.has_vpid),
                    Shown("vmcs12->virtual_processor_id", made.vpid),
                    Shown("nested.last_vpid", made.last_vpid),
                    Shown("L1 and L2 have tags of their own", made.tagged),
                ),
                evidence=made.evidence,
                part=transition.name.lower(),
            ),
            *(
                each.told(
                    "nothing is flushed" if each.name != "vpid-forgotten" else "another VPID is remembered",
                    _NO_VPID if each.name == "vpid-0-kept" else _TAGS,
                )
                for each in _wrongs(made, transition)
            ),
        )


THEOREMS = (
    Theorem(
        name="flush.transition",
        claim="Neither L1 nor L2 runs with what is cached of the other. If L2 has no VPID, or another than before, "
        "what it could see of older translations is forgotten. If both have one tag, that tag is flushed.",
        source="SDM 31.4.1, 31.4.3.1; APM 15.16",
        assumes=(
            "with EPT L1 and L2 have tables of their own, for their roots differ by the mode of the guest",
            "KVM gives all VPIDs that L1 gives to L2 one VPID of the processor",
        ),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=several(_state),
        catches=(
            Catch("nested-vpid-change-unseen", "other-vpid-kept"),
            Catch("nested-exit-keeps-vpid-0", "vpid-0-kept"),
            Catch("nested-svm-keeps-asid", "shared-tag"),
        ),
    ),
)
