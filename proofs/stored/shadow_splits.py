"""Splits of huge pages in the shadow MMU: the small pages map and grant what the huge one did."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.shadow_splits import LOOKED_AT
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, ite, ne, negate, ult


def _entry(kvm: Kvm) -> Claim:
    made, name = kvm.shadow_splits.entry(), "shadow_mmu_split_huge_page()"
    return never(
        given(
            Assumption("the first entries stand for all", ult(made.index, LOOKED_AT)),
            shown=(
                Shown("number of the entry", made.index),
                Shown("it maps something already", made.present),
                Shown("that is a page of SPTEs", made.table),
                Shown("a flush is due from before", made.due),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "another-spte",
            all_of(made.here, ne(made.after, ite(made.present, made.before, made.made))),
            f"{name} leaves an entry empty, or changes one that maps something.",
        ).told("another SPTE", "KVM's comment in it: no need to modify populated entries"),
        Wrong(
            "made-of-another",
            all_of(made.here, negate(made.present), negate(made.made_right)),
            f"{name} makes a small SPTE of another huge one, or for another entry or role.",
        ).told("another page, or another access", "KVM: each small page is the part of the huge one at its entry"),
        Wrong(
            "not-listed",
            all_of(made.here, negate(made.present), negate(made.listed)),
            f"{name} maps a small page with an SPTE that is not on its frame's list, or with another access.",
        ).told("the SPTE is not found by its frame", "KVM: what maps a frame at a level is found by one list"),
        Wrong(
            "unmapped-unflushed",
            all_of(made.here, any_of(made.due, all_of(made.present, made.table)), negate(made.due_after)),
            f"{name} unmaps part of a huge page, and forgets that a flush is due.",
        ).told("no flush", "KVM's comment in it: unmapping guest memory always requires a TLB flush"),
        Wrong(
            "entry-left-out", all_of(made.here, ne(made.next_index, made.index + 1)), f"{name} leaves an entry out."
        ).told("another entry is next", "KVM: all 512 entries"),
        Wrong(
            "linked-otherwise",
            all_of(made.ends, negate(made.linked)),
            f"{name} puts the page in another place than the huge SPTE's, or without the flush that is due.",
        ).told("another place, or no flush", "KVM's comment in it"),
    )


def _page(kvm: Kvm) -> Claim:
    made, name = kvm.shadow_splits.page(), "shadow_mmu_get_sp_for_split()"
    return never(
        given(
            Assumption("a huge SPTE is of level 2 or 3", ult(made.level - 2, 2)),
            Assumption("an access is one of ACC_*", negate(ne(made.access & ~kvm.constant("ACC_ALL"), 0))),
            shown=(
                Shown("level of the huge SPTE", made.level),
                Shown("its frame", made.frame),
                Shown("what the guest grants", made.access),
                Shown("what the page is to grant", made.told_access),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "another-page",
            any_of(negate(made.right_entry), ne(made.told_frame, made.frame), ne(made.told_level, made.level - 1)),
            f"{name} asks for a page of another frame or level than the huge SPTE's parts.",
        ).told("the small pages map others", "KVM: a page of the level below, from the same frame on"),
        Wrong(
            "another-access",
            ne(made.told_access, made.access),
            f"{name} asks for a page with another access than what the guest grants.",
        ).told("the small pages permit something else", "KVM: what is noted of the huge SPTE"),
        Wrong(
            "not-direct", negate(made.told_direct), f"{name} asks for a page that has a guest's table behind it."
        ).told("the page would follow entries that there are not", "KVM's comment in it: always direct shadow pages"),
    )


def _splits(kvm: Kvm, _vendor: Vendor) -> tuple[Claim, ...]:
    return _entry(kvm), _page(kvm)


THEOREMS = (
    Theorem(
        name="stored.shadow-split",
        claim="Where a huge page of the shadow MMU is split, another page comes in its place. Each entry maps the "
        "part at its place, by an SPTE made of the huge one, and is on its frame's list. One that maps something "
        "already stays, and if that is a table a flush is due. The page is of the level below, begins at the same "
        "frame and grants what the guest grants.",
        source="KVM's comments in shadow_mmu_split_huge_page() and shadow_mmu_get_sp_for_split()",
        assumes=(
            "a huge SPTE is of level 2 or 3, and an access is one of ACC_*",
            "the first entries of a page stand for all: the loop counts them",
        ),
        state=several(_splits),
        catches=(
            Catch("shadow-split-first-entry", "made-of-another"),
            Catch("shadow-split-unlisted", "not-listed"),
            Catch("shadow-split-unflushed", "unmapped-unflushed"),
            Catch("shadow-split-grants-all", "another-access"),
        ),
    ),
)
