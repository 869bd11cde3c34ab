"""Which page of SPTEs is taken for a table of a guest's, instead of a new one."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.terms import all_of, any_of, ne, negate


def _state(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.found_pages.found()
    name = f"{made.function}()"
    return never(
        given(
            shown=(
                Shown("gfn", made.gfn),
                Shown("role.word", made.role),
                Shown("sp->gfn", made.found_gfn),
                Shown("sp->role.word", made.found_role),
                Shown("sp->unsync", made.unsync),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "another-page",
            all_of(made.found, any_of(ne(made.found_gfn, made.gfn), ne(made.found_role, made.role))),
            f"{name} takes a page for another frame or of another role: other rights, another format or mode.",
        ).told("a page of another role", "KVM's documentation of shadow paging: pages are shared by frame and role"),
        Wrong(
            "given-up",
            all_of(made.found, negate(made.of_tdp), ne(made.made_in, made.generation)),
            f"{name} takes a page that is given up.",
        ).told("a page of an earlier generation", "KVM's comments on mmu_valid_gen: such pages are zapped"),
        Wrong(
            "out-of-sync",
            all_of(made.found, made.unsync, negate(made.direct), negate(made.synced)),
            f"{name} takes a page whose SPTEs may not be what the guest's entries are.",
        ).told("the page is not synchronized", "SDM 5.10.4: a new root has cached nothing of older entries"),
        Wrong(
            "not-flushed",
            all_of(made.found, made.changed, negate(made.flushed)),
            f"{name} changes SPTEs of the page, and hardware may keep what it has cached of them.",
        ).told("nothing is flushed", "SDM 31.4.3.1, APM 15.16: what is cached lives until it is flushed"),
    )


THEOREMS = (
    Theorem(
        name="role.found-page",
        claim="A page of SPTEs that there is already is taken only for the frame and with the role that are wanted, "
        "and if it is not given up. If the guest may have changed the table that it shadows, it is synchronized first, "
        "and what has changed is flushed.",
        source="KVM's documentation of shadow paging; SDM 5.10.4, 31.4.3.1",
        state=alone(_state),
        catches=(
            Catch("found-page-of-any-role", "another-page"),
            Catch("found-page-out-of-sync", "out-of-sync"),
            Catch("found-page-unflushed", "not-flushed"),
        ),
    ),
)
