"""What KVM itself writes to a guest's memory is told to the MMU."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.hand_overs import HandOver
from mmuproof.model.kvm import Kvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.handed_over import handed_over
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several

_SOURCE = "KVM: SPTEs of a table that is shadowed and write-protected follow each write to it"


def _told_write(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield from handed_over(kvm, HandOver.WRITES, _SOURCE)


THEOREMS = (
    Theorem(
        name="slot.told-write",
        claim="What an emulated instruction writes to the guest's memory is told to the MMU as it is, once it stands "
        "there.",
        source=_SOURCE,
        assumes=("what the MMU does with it is walk.followed",),
        state=several(_told_write),
        catches=(Catch("write-untold", "not-handed-on"), Catch("write-told-short", "else-handed-on")),
    ),
)
