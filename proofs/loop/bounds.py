"""Where walks of the TDP MMU end: behind the last frame that can be mapped."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, bv, ne, ule, zext

_NARROWEST, _WIDEST, _PAGE_OFFSET_BITS = 32, 52, 12


def _state(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.frame_bounds.of_walks()
    first_beyond = bv(1, 64) << (zext(made.width, 64) - _PAGE_OFFSET_BITS)
    return never(
        given(
            Assumption("two-dimensional paging is used", made.with_tdp),
            Assumption(
                "MAXPHYADDR of the host is 32 to 52",
                all_of(ule(bv(_NARROWEST, 8), made.width), ule(made.width, _WIDEST)),
            ),
            shown=(Shown("the host's MAXPHYADDR", made.width), Shown("first frame that is not walked", made.end)),
            evidence=made.evidence,
        ),
        Wrong(
            "ends-elsewhere",
            ne(made.end, first_beyond),
            "A walk through all frames does not come to some that can be mapped, or goes on behind all of them.",
        ).told("another frame", "KVM's comment in tdp_mmu_max_gfn_exclusive(): walks end at the host's MAXPHYADDR"),
    )


THEOREMS = (
    Theorem(
        name="loop.bound",
        claim="A walk of the TDP MMU that is to take all away ends behind the last frame that the host's physical "
        "addresses have, and so behind each that can be mapped.",
        source="KVM's comment in tdp_mmu_max_gfn_exclusive(); SDM 4.1.4: MAXPHYADDR",
        assumes=(
            "two-dimensional paging is used: the TDP MMU needs it",
            "MAXPHYADDR of the host is 32 to 52",
            "no frame beyond is mapped: mmio.no-slot, and slots end there",
        ),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=alone(_state),
        catches=(Catch("walks-spare-highest-frame", "ends-elsewhere"),),
    ),
)
