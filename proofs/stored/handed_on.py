"""What an SPTE is stored, linked or taken away for is told to whom it is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mmuproof.model.hand_overs import HandOver
from mmuproof.model.kvm import Kvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.handed_over import handed_over
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several

_TDP_MMU = (HandOver.CHANGED, HandOver.GIVES_UP_ALL)
_BY: Mapping[Vendor, tuple[HandOver, ...]] = MappingProxyType(
    {
        Vendor.INTEL: _TDP_MMU,
        Vendor.AMD: _TDP_MMU,
        Vendor.SHADOW: (
            HandOver.NOTES_MAPPING,
            HandOver.LINKS,
            HandOver.SETS_ACCESS,
            HandOver.GIVES_UP,
            HandOver.GIVES_UP_ALL,
        ),
    }
)


def _handed_on(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for by in _BY[vendor]:
        yield from handed_over(kvm, by, "KVM: what one function is told of an SPTE the next is told")


THEOREMS = (
    Theorem(
        name="stored.handed-on",
        claim="What maps a frame is noted with the frame, the rights and the slot that the mapping has. A page is "
        "linked with a flush of what was there. Rights that are noted leave the frame as it is. A change of an SPTE "
        "is told as it is. A page, or all of a VM's, that are to be given up are.",
        source="KVM: the functions between those that store an SPTE and those that keep account of it",
        assumes=("whom it goes to is judged by stored.listed, stored.link, stored.translation and role.given-up",),
        state=several(_handed_on),
        catches=(
            Catch("handed-over-unflushed", "else-handed-on"),
            Catch("handed-over-full-access", "else-handed-on"),
            Catch("handed-over-frame-lost", "else-handed-on"),
            Catch("handed-over-old-is-new", "else-handed-on"),
            Catch("handed-over-none-given-up", "answered-otherwise"),
            Catch("handed-over-all-stays", "not-handed-on"),
        ),
    ),
)
