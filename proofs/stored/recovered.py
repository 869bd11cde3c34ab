"""Huge pages in place of tables: of a small page of the table, for the entry's level, and flushed in time."""

from __future__ import annotations

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, bit, eq, ne, negate, ult

_LEVELS, _SMALL = 5, 1
_MAPS_PAGE = 7
"""The bit of an entry above level 1 that lets it map a page: SDM table 31-3, APM 5.4.1."""


def _made(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.recovered_pages.made()
    present = ne(made.spte & kvm.constant("SPTE_MMU_PRESENT_MASK"), 0)
    page = all_of(made.in_range, present, any_of(eq(made.level, _SMALL), bit(made.spte, _MAPS_PAGE)))
    return never(
        given(
            Assumption("the walk stands at one of five levels", ult(made.level - 1, _LEVELS)),
            Assumption("an entry above level 1 leads to the table, of one of two", ult(made.above_level - 2, 2)),
            shown=(
                Shown("level of the walk", made.level),
                Shown("SPTE", made.spte, kind=NumberKind.SPTE),
                Shown("level of the entry above", made.above_level),
                Shown("level for which the SPTE is made", made.of_level),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "another-table",
            negate(made.begins_there),
            "The page that a huge one is to be like is sought in another table, or not from its first entry on.",
        ).told("another walk", "KVM: the table that the entry leads to"),
        Wrong(
            "of-another",
            all_of(made.made, any_of(negate(page), ne(made.of_spte, made.spte))),
            "A huge page is made of what maps no page of the table.",
        ).told("another SPTE", "KVM: a leaf below the entry"),
        Wrong(
            "for-another-level",
            all_of(made.made, ne(made.of_level, made.above_level)),
            "A huge page is made for another level than that of its entry.",
        ).told("another level", "SDM 31.3.2, APM 5.4.1: bit 7 and the frame are read by the level of the entry"),
        Wrong(
            "not-handed-on",
            any_of(all_of(made.made, negate(made.stored)), all_of(made.succeeds, negate(made.made))),
            "The caller takes something for a huge SPTE that is none.",
        ).told("another value", "KVM: 0 is answered where there is one"),
    )


def _replaced(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.recovered_pages.replaced()
    name = "recover_huge_pages_range()"
    return never(
        given(
            shown=(
                Shown("an entry leads to a table no longer", made.replaced),
                Shown("a flush is due before", made.due),
                Shown("a flush is due afterwards", made.due_after),
                Shown("others are let in", made.yielded),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "yields-unflushed",
            all_of(made.yielded, made.due, negate(made.told)),
            f"{name} lets others in while the processor may use tables that nothing leads to.",
        ).told("no flush before the lock is let go", "KVM's comment at tdp_mmu_iter_cond_resched()"),
        Wrong(
            "flush-forgotten",
            all_of(made.goes_on, any_of(all_of(made.due, negate(made.yielded)), made.replaced), negate(made.due_after)),
            f"{name} forgets that a flush is due.",
        ).told("no flush is due", "SDM 5.10.4.2: an entry that leads elsewhere stays cached until it is invalidated"),
        Wrong(
            "ends-unflushed",
            all_of(made.ends, made.due, negate(made.flushed)),
            f"{name} lets tables be freed that the processor may still use.",
        ).told("no flush, or one behind rcu_read_unlock()", "KVM's comment in kvm_recover_nx_huge_pages()"),
    )


THEOREMS = (
    Theorem(
        name="stored.recovered",
        claim="What is to be stored as a huge page in place of a table is made of an entry of this table, or of one "
        "below, that maps a page. It is made for the level of the entry that leads to the table.",
        source="KVM's comments at tdp_mmu_make_huge_spte() and make_huge_spte(); SDM 31.3.2, APM 5.4.1",
        assumes=(
            "make_huge_spte() makes what spte.collapse says, and loop.range stores it",
            "all small pages of the table are of one huge page of the host's",
        ),
        needs=(Need(Feature.COLLAPSE),),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=alone(_made),
        catches=(Catch("huge-spte-of-small-level", "for-another-level"), Catch("huge-spte-of-table", "of-another")),
    ),
    Theorem(
        name="flush.recovered",
        claim="Once a huge page is in place of a table, a flush is due until it is done. That is before others are let "
        "in, or at the end of the walk, of all frames of the slot. Tables that nothing leads to are not freed before.",
        source="SDM 5.10.4.2; KVM's comments at tdp_mmu_iter_cond_resched() and in kvm_recover_nx_huge_pages()",
        assumes=("tdp_mmu_iter_cond_resched() flushes before it lets go of the lock, if it is told to: loop.yield",),
        needs=(Need(Feature.COLLAPSE),),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=alone(_replaced),
        catches=(
            Catch("recovered-yields-unflushed", "yields-unflushed"),
            Catch("recovered-frees-unflushed", "ends-unflushed"),
        ),
    ),
)
