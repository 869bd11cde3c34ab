"""Roots that an MMU gives up: each that has to go is none afterwards, and no other goes."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kept_roots import RootMet
from mmuproof.model.kvm import Kvm
from mmuproof.model.released_roots import RootReleased, RootsReleased
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, eq, iff, ne, negate

_NO_ROOT, _NO_ENTRY = (1 << 64) - 1, 0
_NAME = "kvm_mmu_free_roots()"
_USE = "KVM: each root of an MMU is one use of its page, and a page that was given up goes with the last"


def _of_root(made: RootsReleased, number: int, met: RootMet, root: RootReleased) -> Claim:
    asked = made.asked[number]
    use = all_of(asked, ne(met.hpa, _NO_ROOT), met.with_page)
    known = (
        () if met.in_use else (Assumption("an earlier root has a page", any_of(eq(met.hpa, _NO_ROOT), met.with_page)),)
    )
    return never(
        given(
            Assumption("the page of zeros has no page of SPTEs", negate(all_of(met.dummy, met.with_page))),
            *known,
            shown=(
                Shown("it is to go", asked),
                Shown("address", root.address),
                Shown("address afterwards", root.address_after),
                Shown("has a page", met.with_page),
            ),
            evidence=made.evidence,
            part="the root in use" if met.in_use else f"earlier root {number}",
        ),
        Wrong(
            "root-kept",
            all_of(asked, ne(root.address_after, _NO_ROOT)),
            f"{_NAME} leaves a root in the MMU that is given up: its page may be freed while it is used.",
        ).told("the address stays", _USE),
        Wrong(
            "use-kept", all_of(use, negate(root.released)), f"{_NAME} drops a root whose page still counts it as a use."
        ).told("not given up", _USE),
        Wrong(
            "another-released",
            any_of(
                all_of(negate(asked), any_of(root.released, ne(root.address_after, root.address))),
                all_of(root.released, ne(root.address, _NO_ROOT), negate(met.with_page)),
            ),
            f"{_NAME} gives up a root that is to stay, or one that has no page.",
        ).told("given up", "KVM: roots_to_free says which"),
    )


def _of_entries(made: RootsReleased) -> Claim:
    met = made.met[0]
    above = all_of(made.asked[0], ne(met.hpa, _NO_ROOT), negate(met.with_page), negate(met.dummy))
    wrong = (
        any_of(
            negate(iff(entry.released, all_of(above, ne(entry.address, _NO_ENTRY)))),
            all_of(entry.released, ne(entry.address_after, _NO_ENTRY)),
            all_of(negate(entry.released), ne(entry.address_after, entry.address)),
        )
        for entry in made.entries
    )
    return never(
        given(
            Assumption("the page of zeros has no page of SPTEs", negate(all_of(met.dummy, met.with_page))),
            shown=(
                Shown("the root in use is to go", made.asked[0]),
                Shown("its address", met.hpa),
                *(Shown(f"pae_root[{number}]", entry.address) for number, entry in enumerate(made.entries)),
                *(Shown(f"that afterwards [{n}]", entry.address_after) for n, entry in enumerate(made.entries)),
            ),
            evidence=made.evidence,
            part="the entries of a PAE root",
        ),
        Wrong(
            "entry-kept",
            any_of(*wrong),
            f"{_NAME} keeps an entry of a root that goes, or loses one of a root that stays.",
        ).told("another entry", "KVM: a root above four pages uses each page that an entry leads to"),
        Wrong(
            "never-freed",
            all_of(negate(made.of_tdp), negate(made.committed)),
            f"{_NAME} does not free the pages that were given up for the last time.",
        ).told("left on the list", "KVM: kvm_mmu_commit_zap_page() flushes and frees what is on the list"),
    )


def _released(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    made = kvm.released_roots.released()
    for number, (met, root) in enumerate(zip(made.met, made.roots, strict=True)):
        yield _of_root(made, number, met, root)
    yield _of_entries(made)


THEOREMS = (
    Theorem(
        name="role.released-roots",
        claim="Each root that is to go is none afterwards, and its page has one use less; so is each entry of a "
        "PAE root. The others stay. Pages that nobody uses any more are freed then.",
        source="KVM: kvm_mmu_free_roots(), mmu_free_root_page()",
        assumes=(
            "a root that an MMU had earlier has a page: KVM's comment at fast_pgd_switch() keeps no others",
            "the page of zeros has no page of SPTEs: it is allocated once, beside the MMU",
        ),
        state=several(_released),
        catches=(
            Catch("released-root-kept", "root-kept"),
            Catch("released-entry-kept", "entry-kept"),
            Catch("released-unfreed", "never-freed"),
        ),
    ),
)
