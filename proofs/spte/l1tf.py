"""SPTEs that end a walk with a fault give nothing away on processors with L1TF.

What KVM defends against is an address that a guest, or nobody, has chosen: in MMIO SPTEs the guest's own number
stands where the hardware sees a host address.  An access-tracked SPTE is not present for the hardware either and
keeps its page frame number.  That is no secret from the guest, which owns the page as long as the SPTE stands, so
what is claimed of it is that its address is still that one.
"""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.hosts import l1tf_can_be_guarded, plausible_host
from mmuproof.proofs.given.made_mmio import made_mmio_spte
from mmuproof.proofs.spte.tracking import untracked
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, all_of, bv, ne, negate, var
from mmuproof.spec.errata import L1TF
from mmuproof.spec.terminal_fault import finds_nothing, looked_up

_SOURCE = "Intel, Deep Dive: Intel Analysis of L1 Terminal Fault"
_PFN = ((1 << 52) - 1) & ~0xFFF


def _leaks(entry: BitVec, cache_bits: BitVec, what: str) -> Symptom:
    leaks = all_of(L1TF.present, negate(finds_nothing(entry, cache_bits)))
    return Wrong("address-leaks", leaks, f"{what} holds an address that the L1 cache can have.").told(
        "address bits that cacheable memory can have", "Intel on L1TF: data at the address is used before the fault"
    )


def _not_present(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    cache_bits = masks.host.x86_cache_bits
    for name, what in (("FROZEN_SPTE", "A frozen SPTE"), ("SHADOW_NONPRESENT_VALUE", "An SPTE that is not present")):
        if kvm.defines(name):
            value = bv(kvm.constant(name), 64)
            symptom = _leaks(value, cache_bits, what)
            yield never(
                given(
                    *plausible_host(masks),
                    shown=(Shown(name, value), Shown("boot_cpu_data.x86_cache_bits", cache_bits)),
                    part=name,
                ),
                symptom,
            )
    if vendor is Vendor.INTEL:
        yield _access_tracked(kvm)


def _access_tracked(kvm: Kvm) -> Claim:
    masks, spte = kvm.masks.shadow_masks(Vendor.INTEL), var("spte", 64)
    tracked = kvm.sptes.access_track(masks, spte)
    other = ne((tracked.marked ^ spte) & _PFN, 0)
    return never(
        given(
            *untracked(kvm, masks, spte),
            shown=(Shown("spte", spte, kind=NumberKind.SPTE), Shown("marked", tracked.marked, kind=NumberKind.SPTE)),
            evidence=tracked.evidence,
            part="access-tracked SPTEs",
        ),
        Wrong(
            "another-address",
            other,
            "An access-tracked SPTE holds another address than that of the page which the guest has.",
        ).told(
            "another page frame number", "KVM's comment at mark_spte_for_access_track(): only permissions are put away"
        ),
    )


def _mmio(kvm: Kvm, vendor: Vendor) -> Claim:
    masks = kvm.masks.shadow_masks(vendor)
    inputs = made_mmio_spte(kvm, masks)
    cache_bits = masks.host.x86_cache_bits
    symptom = _leaks(inputs.spte, cache_bits, "An MMIO SPTE")
    return never(
        given(
            *inputs.assumptions,
            Assumption("KVM knows that the processor is affected by L1TF: X86_BUG_L1TF", masks.host.has_l1tf),
            l1tf_can_be_guarded(masks),
            shown=(*inputs.shown, Shown("address that is looked up", looked_up(inputs.spte, cache_bits))),
            evidence=inputs.evidence,
        ),
        symptom,
    )


THEOREMS = (
    Theorem(
        name="l1tf.not-present",
        claim="Frozen SPTEs and those that are not present hold no address that cacheable memory can have, and marking "
        "an SPTE for access tracking leaves it the address of the page that the guest has.",
        source=f"{_SOURCE}; KVM's comment at FROZEN_SPTE",
        assumes=(
            "the host's address widths are architectural",
            "the page at address 0 holds nothing",
            "the page of an access-tracked SPTE is the guest's: KVM zaps the SPTE before the host takes it back",
        ),
        state=several(_not_present),
        catches=(Catch("frozen-has-pfn", "address-leaks"),),
    ),
    Theorem(
        name="l1tf.mmio",
        claim="On a processor with L1TF no MMIO SPTE, for any GFN at all, holds an address that cacheable memory can "
        "have.",
        source=f"{_SOURCE}; KVM's comment at shadow_nonpresent_or_rsvd_mask",
        assumes=(
            "MMIO is cached",
            "no cacheable memory is in the highest 32nd of the L1 cache's addresses",
            "a processor with L1TF addresses its L1 cache with 46 bits at most; AMD's have no L1TF",
        ),
        vendors=(Vendor.INTEL, Vendor.SHADOW),
        state=alone(_mmio),
        catches=(Catch("mmio-address-unguarded", "address-leaks"),),
    ),
)
