"""Who changes an SPTE under KVM's lock overwrites nothing unseen of what others write without that lock."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.features import Feature
from mmuproof.model.interference import EntryAccess
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.spte_changes import SpteChange
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.given.lifecycle_invariant import HeldEntry, any_entry, possible, present_leaf
from mmuproof.proofs.given.meanwhile import (
    WRITE,
    accessed,
    dirty,
    locked_out,
    made_by_kvm,
    maps_page,
    overwritten,
    undone,
    volatile,
)
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bv, eq, ne

_EXCLUSIVE = (
    SpteChange.RMAP_WRITE_PROTECT,
    SpteChange.RMAP_WRITE_TRACK,
    SpteChange.RMAP_CLEAR_DIRTY,
    SpteChange.RMAP_ZAP,
    SpteChange.TDP_WRITE_TRACK,
    SpteChange.TDP_CLEAR_DIRTY_MASKED,
    SpteChange.TDP_ZAP,
)
_AGING = (SpteChange.RMAP_AGE, SpteChange.TDP_AGE)
_ATOMIC = "KVM's comment at spte_needs_atomic_update(): what may be changed without the lock must not be lost"
_DONE = "KVM: what the operation is for holds of the SPTE that is there"


def _changed_bits(masks: ShadowMasks, change: SpteChange) -> BitVec:
    """What an operation may clear (64)."""
    if change.zaps:
        return bv((1 << 64) - 1, 64)
    if change.tracks:
        return masks.mmu_writable | WRITE
    return bv(WRITE | (dirty(masks.vendor) if change.clears_dirty else 0), 64)


def _not_done(kvm: Kvm, masks: ShadowMasks, change: SpteChange, entry: HeldEntry, last: BitVec) -> Bool:
    """Whether an SPTE that was seen or left last still is what the operation is to end."""
    page = maps_page(kvm, entry, last)
    if change.zaps:
        return page
    if change.tracks:
        return all_of(page, ne(last & (masks.mmu_writable | WRITE), 0))
    if change.clears_dirty:
        # Only small pages are asked for one by one.
        asked = eq(entry.level, 1) if change is SpteChange.TDP_CLEAR_DIRTY_MASKED else TRUE
        return all_of(page, asked, has(last, WRITE), has(last, dirty(masks.vendor)))
    return FALSE if change.ages else all_of(page, has(last, WRITE))


def _claim(kvm: Kvm, masks: ShadowMasks, change: SpteChange) -> Claim:
    entry, caller = any_entry(), change.value
    made = kvm.interference.change(masks, change, entry.at)
    lost = bv(accessed(masks.vendor), 64)
    allowed = _changed_bits(masks, change)

    def unseen(each: EntryAccess) -> Bool:
        return ne((each.known ^ each.found) & ~lost, 0)

    def stray(each: EntryAccess) -> Bool:
        return ne((each.found ^ each.left) & ~(volatile(kvm, masks, each.found) | allowed), 0)

    def told_another(each: EntryAccess) -> Bool:
        return all_of(made.tells, ne((made.told ^ each.found) & ~lost, 0))

    wrong = overwritten(made.accesses, lambda each: any_of(unseen(each), stray(each), told_another(each)))
    found = (present_leaf(kvm, entry),) if change.ages or change.name.startswith("RMAP_") else ()
    return never(
        given(
            *plausible_host(masks),
            *possible(masks, entry),
            made_by_kvm(kvm, masks, entry, made.accesses),
            *found,
            locked_out(kvm, masks, entry, made.accesses),
            shown=(Shown("sp->role.level", entry.level), *wrong.shown),
            evidence=made.evidence,
            part=caller,
        ),
        Wrong(
            "overwritten-unseen",
            overwritten(made.accesses, unseen).when,
            f"{caller} overwrites what was written to the SPTE without the lock since it was read.",
        ).told("a plain write", _ATOMIC),
        Wrong(
            "told-another",
            overwritten(made.accesses, told_another).when,
            f"{caller} hands on another SPTE as the one it has replaced.",
        ).told("another SPTE", _ATOMIC),
        Wrong(
            "another-bit",
            overwritten(made.accesses, stray).when,
            f"{caller} changes more of the SPTE that is there than it is for.",
        ).told("another bit changes", _DONE),
        Wrong(
            "not-done",
            undone(made, lambda spte: _not_done(kvm, masks, change, entry, spte)),
            f"{caller} leaves an SPTE as it is to be no more.",
        ).told("the SPTE stays as it is", _DONE),
    )


def _state(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    for change in (*_EXCLUSIVE, *(() if kvm.has(Feature.LOCKLESS_AGING) else _AGING)):
        if change.happens(vendor):
            yield _claim(kvm, masks, change)


THEOREMS = (
    Theorem(
        name="interference.kept",
        claim="Who write-protects, clears dirty flags or takes an SPTE away under KVM's lock loses nothing that the "
        "processor, a fast page fault or aging writes to it without that lock, but accessed flags. What such a "
        "write can meet is replaced and seen in one step. What is handed on as replaced is what was there, and "
        "the operation is done to it.",
        source="KVM's comments at spte_needs_atomic_update(), kvm_tdp_mmu_spte_need_atomic_update() and "
        "kvm_tdp_mmu_write_spte_atomic(); SDM 5.8 and 31.3.5: accessed and dirty flags",
        assumes=(
            "KVM's lock is held for writing, and keeps all others from the SPTE: locks are not modelled",
            "the reverse map leads to SPTEs that map pages",
        ),
        state=several(_state),
        catches=(
            *showing(
                "overwritten-unseen",
                "atomic-update-without-tracking",
                "atomic-update-without-fast-faults",
                "atomic-update-without-dirty",
            ),
            Catch("tdp-replaced-as-judged", "told-another"),
            Catch("write-tracking-keeps-mmu-writable", "not-done"),
        ),
    ),
)
