"""The lists of SPTEs that ageing goes through without the MMU's lock are kept from changing one by one."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, several
from mmuproof.smt.terms import all_of, negate

_NAME = "kvm_rmap_age_gfn_range()"
_LOCK = "KVM's comment at KVM_RMAP_LOCKED: a walk outside mmu_lock holds it, and the mark is no part of the list"


def _aged(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    made = kvm.aged_lists.aged()
    for each in made.lists:
        yield never(
            given(evidence=made.evidence, part=f"level {each.level}"),
            Wrong(
                "another-list",
                negate(all_of(each.sought, each.locked)),
                f"{_NAME} goes through a list that can change meanwhile, or forgets one of the frame's.",
            ).told("the frame's list of the level is not locked", _LOCK),
            Wrong(
                "walks-otherwise",
                negate(each.walked),
                f"{_NAME} takes something for a list of SPTEs that is not what the lock has told.",
            ).told("another list", _LOCK),
            Wrong("left-locked", negate(each.unlocked), f"{_NAME} leaves a list locked, or another than it was.").told(
                "not unlocked", _LOCK
            ),
        )


THEOREMS = (
    Theorem(
        name="slot.aged-list",
        claim="Ageing seeks the list of SPTEs of each frame and level, and locks it. It goes through what the lock "
        "has told, and then unlocks the list as it was.",
        source=_LOCK,
        assumes=(
            "one frame stands for a range of any length",
            "what the lock tells is the list without its mark; this theorem looks at no thread but its own",
        ),
        needs=(Need(Feature.LOCKLESS_AGING),),
        state=several(_aged),
        catches=(Catch("aged-list-mark-followed", "walks-otherwise"), Catch("aged-list-left-locked", "left-locked")),
    ),
)
