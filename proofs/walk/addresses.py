"""Bringing an address up to date below a root: each entry on the way that may be stale."""

from __future__ import annotations

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone
from mmuproof.smt.terms import all_of, any_of, negate

_SOURCE = "SDM 5.10.4.1: INVLPG invalidates what is cached of the address"


def _state(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.address_syncs.step(), "__kvm_mmu_invalidate_addr()"
    stale = all_of(made.here, made.unsync)
    return never(
        given(
            shown=(
                Shown("the entry's page is out of sync", made.unsync),
                Shown("a page below is out of sync", made.below),
                Shown("synchronizing it fails", made.fails),
                Shown("the entry has changed", made.changes),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "root-not-walked",
            all_of(made.has_root, negate(made.walks)),
            f"{name} does not walk the root for the address.",
        ).told("another walk, or none", _SOURCE),
        Wrong("mmio-remembered", negate(made.forgets_mmio), f"{name} lets the address count as MMIO still.").told(
            "it is remembered", "KVM: what is remembered of MMIO stands for a translation"
        ),
        Wrong(
            "stale-entry-left",
            all_of(stale, negate(made.synced)),
            f"{name} leaves an entry of a page that is out of sync as it is.",
        ).told("the entry is not synchronized", _SOURCE),
        Wrong(
            "stale-entry-kept",
            all_of(stale, made.synced, made.fails, negate(made.dropped)),
            f"{name} keeps an entry that could not be synchronized.",
        ).told("the entry stays", _SOURCE),
        Wrong(
            "changed-unflushed",
            all_of(made.here, any_of(all_of(made.synced, made.changes), made.dropped), negate(made.flushed)),
            f"{name} changes an entry, and leaves it to TLBs, or flushes another's.",
        ).told("no flush, or another", "KVM: what an SPTE no longer allows is flushed"),
        Wrong(
            "ends-early",
            all_of(made.here, made.below, negate(made.goes_on)),
            f"{name} ends above a page that is out of sync.",
        ).told("the walk ends", "KVM: unsync_children counts pages below that are out of sync"),
    )


THEOREMS = (
    Theorem(
        name="walk.brought-up-to-date",
        claim="An address that is to be forgotten is walked below the root down to the last page that is out of sync. "
        "Each entry on the way whose page is out of sync is synchronized, or goes; what has changed is flushed. That "
        "the address is one of MMIO is forgotten.",
        source="SDM 5.10.4.1; KVM's comments in __kvm_mmu_invalidate_addr()",
        assumes=("an entry is synchronized by walk.sync, and the walk goes where loop.shadow-walk says",),
        needs=(Need(Feature.SYNC_ONE),),
        state=alone(_state),
        catches=(
            Catch("address-keeps-stale", "stale-entry-kept"),
            Catch("address-flushes-failed-only", "changed-unflushed"),
            Catch("address-stops-at-top", "ends-early"),
        ),
    ),
)
