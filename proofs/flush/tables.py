"""Invalidating all translations by tables of L1's EPT: no root of the vCPU keeps any of them."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.terms import all_of, any_of, eq, ne, negate
from mmuproof.spec import ept_pointer


def _state(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.invalidations.of_tables()
    roots = (made.in_use, *made.kept)
    named = ept_pointer.root(made.eptp)
    concerned = [
        all_of(ne(each.root, made.no_root), any_of(made.every, eq(ept_pointer.root(each.pgd), named))) for each in roots
    ]
    left = any_of(*(all_of(of_it, negate(each.forgotten)) for of_it, each in zip(concerned, roots, strict=True)))
    return never(
        given(
            shown=(
                Shown("all tables", made.every),
                Shown("eptp", made.eptp),
                *(Shown(f"EPTP of root {number}", root.pgd) for number, root in enumerate(roots)),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "root-left",
            all_of(made.succeeds, left),
            f"{made.function}() tells L1 that it is done, and a root keeps what it translates by L1's tables.",
        ).told(
            "L2 may go on by SPTEs of the root",
            "SDM 31.4.3.1: INVEPT invalidates what is cached of the tables at the address in the EPTP",
        ),
    )


THEOREMS = (
    Theorem(
        name="flush.tables",
        claim="INVEPT of L1 leaves no root with what it translates by the tables that are meant: all, or those at "
        "the address that its EPTP has, whatever else this EPTP says.",
        source="SDM 31.4.3.1; SDM vol. 3, INVEPT",
        assumes=("a root that is given up is made anew of L1's tables before L2 uses it again",),
        vendors=(Vendor.INTEL,),
        state=alone(_state),
        catches=(Catch("invept-by-whole-eptp", "root-left"), Catch("invept-root-in-use-only", "root-left")),
    ),
)
