"""Before a guest is entered it has a root that is not obsolete."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.hand_overs import HandOver
from mmuproof.model.kvm import Kvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.handed_over import handed_over
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several

_SOURCE = "KVM: a vCPU enters the guest with a root, and with none that is obsolete"


def _reloaded(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield from handed_over(kvm, HandOver.RELOADS, _SOURCE)


THEOREMS = (
    Theorem(
        name="role.reloaded",
        claim="Whoever takes the request to give up obsolete roots gives them up. After that a root is made exactly if "
        "there is none.",
        source=_SOURCE,
        assumes=("which roots are obsolete is role.swept-roots, and which is made is role.loaded-roots",),
        state=several(_reloaded),
        catches=(Catch("reload-keeps-obsolete", "not-handed-on"), Catch("reload-without-root", "not-handed-on")),
    ),
)
