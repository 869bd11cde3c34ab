"""A fault is fixed without KVM's lock only where its frame is of the memory that the fault is on."""

from __future__ import annotations

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone
from mmuproof.smt.terms import all_of, iff, negate

_NAME = "page_fault_can_be_fast()"
_KVM = "KVM's comments in page_fault_can_be_fast()"


def _judged(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.fast_faults.judged()
    other = all_of(made.tells_apart, negate(iff(made.private, made.frame_private)))
    return never(
        given(
            shown=(
                Shown("fault->is_private", made.private),
                Shown("the frame is private memory", made.frame_private),
                Shown("fault->rsvd", made.reserved),
                Shown("the fault can be fast", made.may),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "other-memory",
            all_of(made.may, other),
            f"{_NAME} lets a fault on private memory be fixed where the frame is shared, or the other way round.",
        ).told("the fault can be fast", f"{_KVM}: such a fault has to end in userspace"),
        Wrong("stale-mmio", all_of(made.may, made.reserved), f"{_NAME} lets a fault be fixed in an SPTE of MMIO.").told(
            "the fault can be fast", f"{_KVM}: an old MMIO SPTE has to be made anew"
        ),
    )


THEOREMS = (
    Theorem(
        name="slot.fast-fault",
        claim="A fault is fixed without KVM's lock only if its frame is of the memory that the fault is on, private "
        "or shared, and if no reserved bit has caused it.",
        source=_KVM,
        assumes=("what the attributes say of a frame is any answer: slot.attributes-* speaks of them",),
        needs=(Need(Feature.PRIVATE_ACCESS),),
        state=alone(_judged),
        catches=(Catch("fast-on-other-memory", "other-memory"),),
    ),
)
