"""A page fault reaches whom it is for, with all that is told of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mmuproof.model.hand_overs import HandOver
from mmuproof.model.kvm import Kvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.handed_over import handed_over
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several

_BY: Mapping[Vendor, tuple[HandOver, ...]] = MappingProxyType(
    {
        Vendor.INTEL: (HandOver.OF_TDP, HandOver.WALKS_EPT, HandOver.ENDS_FAULT),
        Vendor.AMD: (HandOver.OF_TDP, HandOver.WALKS_64, HandOver.WALKS_32, HandOver.ENDS_FAULT),
        Vendor.SHADOW: (HandOver.INTERCEPTED, HandOver.WALKS_64, HandOver.WALKS_32, HandOver.ENDS_FAULT),
    }
)


def _handed_on(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for by in _BY[vendor]:
        yield from handed_over(kvm, by, "KVM: what one function is told of a fault the next is told")


THEOREMS = (
    Theorem(
        name="fault.handed-on",
        claim="A page fault that is intercepted is handled with its address and error code, unless it is the host's "
        "own. A fault on tables for two-dimensional paging goes to the MMU that builds them. A walk goes through the "
        "tables of the MMU in use. The host's page is given back as dirty if it may be written.",
        source="KVM: the functions between those that decide of a page fault",
        assumes=(
            "the error code of an exception has 32 bits",
            "whom it goes to is judged by fault.answered, fault.mapped, walk.reached and walk.granted",
        ),
        state=several(_handed_on),
        catches=(
            Catch("handed-over-other-tables", "else-handed-on"),
            Catch("handed-over-fetch-forgotten", "else-handed-on"),
            Catch("handed-over-hosts-fault", "handed-on-unasked"),
            Catch("handed-over-other-mmu", "not-handed-on"),
            Catch("handed-over-never-dirty", "else-handed-on"),
        ),
    ),
)
