"""Invalidating the translations of an address: no root of the vCPU, and no processor, keeps one that is to be gone."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.features import Feature
from mmuproof.model.invalidations import AddressInvalidated, CachedRoot, Invalidation
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, Bool, all_of, any_of, eq, implies, ne, negate
from mmuproof.spec.linear_addresses import canonical, process_context

_NAMES = {Invalidation.INVLPG: "INVLPG", Invalidation.INVPCID: "INVPCID", Invalidation.NESTED: "a fault in L1's tables"}
_SOURCE = {
    Invalidation.INVLPG: "SDM 5.10.4.1: INVLPG invalidates what is cached of the address, for any PCID if it is global",
    Invalidation.INVPCID: "SDM 5.10.4.1: INVPCID invalidates what is cached of the address with its PCID",
    Invalidation.NESTED: "SDM 31.4.3.1, APM 15.25: a fault invalidates what is cached of the address that caused it",
}


def _concerned(made: AddressInvalidated, asked: Invalidation, root: CachedRoot, *, in_use: bool) -> Bool:
    """Whether what a root translates may be cached, and is to be forgotten."""
    if asked is not Invalidation.INVPCID:
        return root.named
    tagged = process_context(made.cr3 if in_use else root.pgd, has_pcid=made.has_pcid)
    return all_of(ne(root.root, made.no_root), eq(tagged, made.pcid))


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for asked in Invalidation:
        made = kvm.invalidations.of_address(asked)
        linear = asked is not Invalidation.NESTED
        can_be_cached = canonical(made.address, five_level=made.five_level) if linear else TRUE
        roots = [(made.in_use, True), *((each, False) for each in made.kept)]
        concerned = [(root, _concerned(made, asked, root, in_use=in_use)) for root, in_use in roots]
        left = any_of(*(all_of(of_it, negate(root.forgotten)) for root, of_it in concerned))
        name = _NAMES[asked]
        yield never(
            given(
                Assumption(
                    "a vCPU has CR4.LA57 only where KVM has linear addresses of 57 bits: kvm_is_valid_cr4()",
                    implies(made.five_level, made.wide_processor),
                ),
                Assumption(
                    "with TDP nothing shadows the guest's own tables: `setup.consistent`",
                    negate(all_of(made.tdp, made.shadows)) if linear else TRUE,
                ),
                shown=(
                    Shown("address", made.address),
                    *((Shown("pcid", made.pcid),) if asked is Invalidation.INVPCID else ()),
                    Shown("CR4.LA57", made.five_level),
                    *(Shown(f"root {number}", root.root) for number, (root, _) in enumerate(concerned)),
                ),
                evidence=made.evidence,
                part=asked.name.lower(),
            ),
            Wrong(
                "root-left",
                all_of(can_be_cached, made.shadows, left),
                f"A root keeps what it translates the address of {name} with.",
            ).told("the SPTE of the address stays as it was", _SOURCE[asked]),
            *(
                [
                    Wrong(
                        "address-not-flushed",
                        all_of(can_be_cached, any_of(*(of_it for _, of_it in concerned)), negate(made.flushed)),
                        f"The processor keeps what it has cached of the address of {name}.",
                    ).told("the processor is not told", _SOURCE[asked])
                ]
                if linear
                else []
            ),
        )


THEOREMS = (
    Theorem(
        name="flush.address",
        claim="Where a translation of an address is to be forgotten, each root that may hold one is walked for it, "
        "and the processor is told. INVLPG means all roots, INVPCID those with its PCID. Only a linear address "
        "that is not canonical is left out.",
        source="SDM 5.10.4.1, 31.4.3.1; APM 5.5.2, 15.25; SDM vol. 1, 3.3.7.1",
        assumes=("walking a root for an address synchronizes all that it translates the address with",),
        state=several(_state),
        needs=(Need(Feature.SYNC_ONE),),
        catches=(
            Catch("invlpg-current-root-only", "root-left"),
            Catch("invpcid-kept-roots-by-current-cr3", "root-left"),
            Catch("invlpg-canonical-by-48-bits", "root-left"),
            Catch("invlpg-flushes-shadow-only", "address-not-flushed"),
        ),
    ),
)
