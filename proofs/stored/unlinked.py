"""Entries that lead to pages of SPTEs: each is noted by its page, and none stays when that goes."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.parent_links import EntryGoes
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.terms import all_of, any_of, negate

_FREED = "KVM: a page that is freed is part of no tables"
_LISTS = "KVM: parent_ptes and rmaps list exactly the entries that are there"


def _noted(kvm: Kvm) -> Claim:
    made, name = kvm.parent_links.noted(), "mmu_page_add_parent_pte()"
    return never(
        given(shown=(Shown("an entry is to lead to the page", made.some),), evidence=made.evidence, part=name),
        Wrong(
            "not-noted", all_of(made.some, negate(made.listed)), f"{name} does not note an entry that leads to a page."
        ).told("the entry stays when the page is freed", _LISTS),
    )


def _gone(kvm: Kvm) -> Claim:
    made, name = kvm.parent_links.parents_gone(), "kvm_mmu_unlink_parents()"
    return never(
        given(shown=(Shown("an entry leads to the page", made.there),), evidence=made.evidence, part=name),
        Wrong(
            "parent-left",
            any_of(negate(made.of_page), all_of(made.there, negate(all_of(made.taken_away, made.goes_on)))),
            f"{name} leaves entries that lead to a page which goes.",
        ).told("an entry leads to a page that is freed", _FREED),
    )


def _taken_away(kvm: Kvm, which: EntryGoes) -> Claim:
    made, name = kvm.parent_links.taken_away(which), f"{which.value}()"
    return never(
        given(evidence=made.evidence, part=name),
        Wrong("entry-stays", negate(made.emptied), f"{name} leaves what the entry holds.").told(
            "hardware follows it still", _FREED
        ),
        Wrong("stays-listed", negate(made.unlisted), f"{name} leaves the entry on its list.").told(
            "the list has an entry that is none any more", _LISTS
        ),
    )


def _links(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield _noted(kvm)
    yield _gone(kvm)
    for which in EntryGoes:
        yield _taken_away(kvm, which)


THEOREMS = (
    Theorem(
        name="stored.unlinked",
        claim="A page of SPTEs notes each entry that is to lead to it. When it goes, each of them is emptied, and "
        "taken off the list, until none is left. The same holds of one SPTE that goes of those that map a frame.",
        source="KVM: a page that is freed is part of no tables; parent_ptes and rmaps list what leads there",
        assumes=(
            "what a list gives is any entry that was put on it: stored.list-add, stored.list-remove, stored.list-walk",
        ),
        state=several(_links),
        catches=(
            Catch("parent-unnoted", "not-noted"),
            Catch("parent-first-only", "parent-left"),
            Catch("parent-entry-stays", "entry-stays"),
            Catch("parent-stays-listed", "stays-listed"),
            Catch("listed-spte-stays", "entry-stays"),
        ),
    ),
)
