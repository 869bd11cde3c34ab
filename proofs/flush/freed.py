"""What the hardware may hold is flushed before tables are freed, and before the lock is given up."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.freed_pages import PAGES
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, iff, negate

_TABLES = "SDM 5.10.3, 31.4.2: a processor may use what it has cached of a table until that is invalidated"
_LOCK = "KVM's comment at tdp_mmu_iter_cond_resched()"


def _freed(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for pages in range(PAGES + 1):
        made, name = kvm.freed_pages.committed(pages), "kvm_mmu_commit_zap_page()"
        yield never(
            given(
                shown=(Shown("a page is freed", made.anything),), evidence=made.evidence, part=f"{pages} on the list"
            ),
            Wrong(
                "freed-unflushed",
                all_of(made.anything, negate(made.flushed)),
                f"{name} frees a table that the hardware may still walk.",
            ).told("no flush before", _TABLES),
            Wrong("page-kept", negate(all_of(*made.freed)), f"{name} leaves a page that was given up.").told(
                "it is not freed", "KVM: what is on the list of pages that were given up is freed"
            ),
        )


def _gives_way(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.freed_pages.gives_way(), "tdp_mmu_iter_cond_resched()"
    return never(
        given(
            Assumption("the walk has begun anew where it gave way before", negate(made.noted_before)),
            shown=(
                Shown("a flush is due", made.due),
                Shown("the lock is held for reading", made.shared),
                Shown("the lock is given up", made.gives_way),
                Shown("iter->yielded", made.noted),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "gives-way-unflushed",
            all_of(made.gives_way, made.due, negate(made.flushed)),
            f"{name} gives the lock up while a flush is due.",
        ).told("no flush before", _LOCK),
        Wrong(
            "other-lock",
            all_of(made.gives_way, negate(all_of(made.as_held, made.unprotected))),
            f"{name} gives up what is not held, or keeps what it has to give up.",
        ).told("another lock", _LOCK),
        Wrong(
            "unnoted",
            negate(iff(made.noted, made.gives_way)),
            f"{name} does not note whether the walk has to begin anew.",
        ).told("another note", _LOCK),
        Wrong("untold", negate(iff(made.answer, made.gives_way)), f"{name} does not answer whether it gave way.").told(
            "another answer", _LOCK
        ),
    )


THEOREMS = (
    Theorem(
        name="flush.freed",
        claim="Pages of SPTEs that were given up are freed, each of them. All TLBs are flushed before the first is.",
        source=_TABLES,
        assumes=("which pages are on the list is role.given-up", "lists of no, one and two pages stand for all"),
        vendors=(Vendor.SHADOW,),
        state=several(_freed),
        catches=(Catch("freed-unflushed", "freed-unflushed"),),
    ),
    Theorem(
        name="flush.given-way",
        claim="A walk of the TDP MMU's tables that gives up its lock flushes before what is due, notes that it has to "
        "begin anew, and answers that it gave way.",
        source=_LOCK,
        assumes=("what a walk does then is loop.iterator",),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=alone(_gives_way),
        catches=(
            Catch("gives-way-unflushed", "gives-way-unflushed"),
            Catch("gives-way-unnoted", "unnoted"),
            Catch("gives-way-untold", "untold"),
        ),
    ),
)
