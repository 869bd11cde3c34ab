"""What the hardware may hold is flushed before tables are freed."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.freed_pages import PAGES
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.terms import all_of, negate

_TABLES = "SDM 5.10.3, 31.4.2: a processor may use what it has cached of a table until that is invalidated"


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
)
