"""Access tracking of EPT SPTEs without A/D bits: permissions are put away and come back."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.given.made_spte import made_spte, untracked_from_start
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Bool, all_of, bool_var, boolean, bv, eq, implies, ne, negate, var
from mmuproof.spec import ept

_WRITE = 1 << 1
_ACCESSED = 1 << 8


def _saved_slots(kvm: Kvm) -> int:
    mask = kvm.constant("SHADOW_ACC_TRACK_SAVED_BITS_MASK")
    return mask << kvm.constant("SHADOW_ACC_TRACK_SAVED_BITS_SHIFT")


def untracked(kvm: Kvm, masks: ShadowMasks, spte: BitVec) -> tuple[Assumption, ...]:
    """What the callers of mark_spte_for_access_track() pass: an SPTE without A/D bits, not tracked yet."""
    ad_type = spte & kvm.constant("SPTE_TDP_AD_MASK")
    writable, mmu_writable = has(spte, _WRITE), ne(spte & masks.mmu_writable, 0)
    return (
        *plausible_host(masks),
        Assumption("the SPTE is MMU-present", has(spte, kvm.constant("SPTE_MMU_PRESENT_MASK"))),
        Assumption("the SPTE is without A/D bits", eq(ad_type, kvm.constant("SPTE_TDP_AD_DISABLED"))),
        Assumption(
            "the SPTE is not access-tracked yet: it grants something",
            ept.present(spte, mbec=boolean(relations.has_mbec(kvm))),
        ),
        Assumption("the saved slots are clear, as make_spte() leaves them", eq(spte & _saved_slots(kvm), 0)),
        Assumption(
            "a writable SPTE is MMU-writable and an MMU-writable one host-writable",
            all_of(implies(writable, mmu_writable), implies(mmu_writable, ne(spte & masks.host_writable, 0))),
        ),
    )


def _round_trip(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks, spte = kvm.masks.shadow_masks(vendor), var("spte", 64)
    tracked = kvm.sptes.access_track(masks, spte)
    may_change = bv(_WRITE | _ACCESSED, 64)
    changed = (tracked.restored ^ spte) & ~may_change
    gained = tracked.restored & ~spte
    before, after = ept.permissions_of(spte), ept.permissions_of(tracked.restored)

    def lost(name: str, had: Bool, has_now: Bool) -> Symptom:
        return Wrong(
            f"{name}-lost", all_of(had, negate(has_now)), f"Marking and restoring an SPTE loses {name.upper()}."
        ).told(f"{name.upper()} is clear", "KVM: restore_acc_track_spte() gives back what was saved")

    yield _kept_with_ad_bits(kvm, masks)
    yield always(
        all_of(eq(changed, 0), eq(gained, 0)),
        given(
            *untracked(kvm, masks, spte),
            shown=(
                Shown("spte", spte, kind=NumberKind.SPTE),
                Shown("marked", tracked.marked, kind=NumberKind.SPTE),
                Shown("restored", tracked.restored, kind=NumberKind.SPTE),
            ),
            evidence=tracked.evidence,
            part="without A/D bits",
        ),
        Wrong("bit-gained", ne(gained, 0), "Marking and restoring an SPTE sets a bit that it did not have.").told(
            "a bit more than before", "KVM: restore_acc_track_spte() gives back what was saved"
        ),
        lost("r", before.read, after.read),
        lost("x", before.execute, after.execute),
        lost("xu", before.user_execute, after.user_execute),
        Wrong("bit-lost", ne(changed, 0), "Marking and restoring an SPTE changes a bit besides W and A.").told(
            "another SPTE", "KVM: restore_acc_track_spte() gives back what was saved"
        ),
    )


def _kept_with_ad_bits(kvm: Kvm, masks: ShadowMasks) -> Claim:
    """With A/D bits nothing is put away: marking clears A, and there is nothing to restore."""
    spte = var("spte", 64)
    tracked = kvm.sptes.access_track(masks, spte)
    changed = (tracked.marked ^ spte) & ~bv(_ACCESSED, 64)
    gained = tracked.marked & ~spte
    return always(
        all_of(eq(changed, 0), eq(gained, 0), negate(tracked.is_access_track)),
        given(
            *plausible_host(masks),
            Assumption("the SPTE is MMU-present", has(spte, kvm.constant("SPTE_MMU_PRESENT_MASK"))),
            Assumption(
                "the SPTE is with A/D bits",
                ne(spte & kvm.constant("SPTE_TDP_AD_MASK"), kvm.constant("SPTE_TDP_AD_DISABLED")),
            ),
            shown=(Shown("spte", spte, kind=NumberKind.SPTE), Shown("marked", tracked.marked, kind=NumberKind.SPTE)),
            evidence=tracked.evidence,
            part="with A/D bits",
        ),
        Wrong("bit-gained", ne(gained, 0), "Marking an SPTE with A/D bits sets a bit that it did not have.").told(
            "a bit more than before", "KVM: only A is cleared"
        ),
        Wrong("bit-lost", ne(changed, 0), "Marking an SPTE with A/D bits changes a bit besides A.").told(
            "another SPTE", "KVM: only A is cleared"
        ),
        Wrong(
            "taken-for-tracked",
            tracked.is_access_track,
            "A marked SPTE with A/D bits is taken for an access-tracked one.",
        ).told("is_access_track_spte()", "KVM: only SPTEs without A/D bits are access-tracked"),
    )


def _not_present(kvm: Kvm, vendor: Vendor) -> Claim:
    masks, spte = kvm.masks.shadow_masks(vendor), var("spte", 64)
    tracked = kvm.sptes.access_track(masks, spte)
    mbec = bool_var("MBEC enabled")
    setting = mbec if relations.has_mbec(kvm) else boolean(False)
    present = ept.present(tracked.marked, mbec=setting)
    unrecognised = negate(tracked.is_access_track)
    return always(
        all_of(negate(present), negate(unrecognised)),
        given(
            *untracked(kvm, masks, spte),
            shown=(
                Shown("spte", spte, kind=NumberKind.SPTE),
                Shown("marked", tracked.marked, kind=NumberKind.SPTE),
                Shown("MBEC enabled", mbec),
            ),
            evidence=tracked.evidence,
        ),
        Wrong("hardware-present", present, "The hardware still uses an access-tracked SPTE.").told(
            "KVM counts on a fault at the next access", "SDM 31.3.2: the entry is present"
        ),
        Wrong("not-recognised", unrecognised, "An access-tracked SPTE is not recognised as such.").told(
            "is_access_track_spte() is false", "KVM: is_access_track_spte()"
        ),
    )


def _idempotent(kvm: Kvm, vendor: Vendor) -> Claim:
    masks, spte = kvm.masks.shadow_masks(vendor), var("spte", 64)
    tracked = kvm.sptes.access_track(masks, spte)
    differs = ne(tracked.twice, tracked.marked)
    return never(
        given(
            *untracked(kvm, masks, spte),
            shown=(
                Shown("spte", spte, kind=NumberKind.SPTE),
                Shown("marked", tracked.marked, kind=NumberKind.SPTE),
                Shown("marked twice", tracked.twice, kind=NumberKind.SPTE),
            ),
            evidence=tracked.evidence,
        ),
        Wrong("second-mark-changes", differs, "Marking an access-tracked SPTE again changes it.").told(
            "another SPTE", "KVM: a tracked SPTE is returned as it is"
        ),
    )


def _saved_clear(kvm: Kvm, vendor: Vendor) -> Claim:
    masks = kvm.masks.shadow_masks(vendor)
    inputs = made_spte(kvm, masks)
    made = kvm.sptes.make_spte(masks, inputs.request)
    slots = _saved_slots(kvm)
    dirty = ne(made.spte & slots, 0)
    return never(
        given(
            *inputs.assumptions,
            untracked_from_start(inputs),
            shown=(*inputs.shown, Shown("spte", made.spte, kind=NumberKind.SPTE), Shown("saved slots", bv(slots, 64))),
            evidence=made.evidence,
        ),
        Wrong("saved-slot-set", dirty, "make_spte() sets a bit in the slots for saved permissions.").told(
            "a saved slot is set", "KVM's WARN in mark_spte_for_access_track(): the slots are zero"
        ),
    )


UNTRACKED = (
    "the host's address widths are architectural",
    "the SPTE is MMU-present, without A/D bits and not tracked yet: mark_spte_for_access_track()'s callers check",
    "the saved slots are clear: tracking.saved-clear shows it of make_spte()",
    "W implies MMU-writable implies host-writable: check_spte_writable_invariants()",
)

THEOREMS = (
    Theorem(
        name="tracking.round-trip",
        claim="Marking an SPTE for access tracking and restoring it gives back everything but W and A, and adds "
        "nothing; with A/D bits, marking clears A and changes nothing else.",
        source="KVM's comments at mark_spte_for_access_track() and restore_acc_track_spte(); SDM 31.3.2",
        assumes=UNTRACKED,
        vendors=(Vendor.INTEL,),
        state=several(_round_trip),
        catches=(
            Catch("track-saves-no-xu", "xu-lost"),
            Catch("restore-shift-off-by-one", "bit-gained"),
            Catch("mark-with-ad-bits-takes-all", "bit-lost"),
        ),
    ),
    Theorem(
        name="tracking.not-present",
        claim="An access-tracked SPTE is hardware-present under no setting, and KVM recognises it.",
        source="SDM 31.3.2",
        assumes=(*UNTRACKED, "trees without XU never enable MBEC"),
        vendors=(Vendor.INTEL,),
        state=alone(_not_present),
        catches=(Catch("track-mask-without-xu", "hardware-present"),),
    ),
    Theorem(
        name="tracking.idempotent",
        claim="Marking an SPTE twice is marking it once.",
        source="KVM: mark_spte_for_access_track() returns a tracked SPTE as it is",
        assumes=UNTRACKED,
        vendors=(Vendor.INTEL,),
        state=alone(_idempotent),
        catches=(Catch("track-again-forgets", "second-mark-changes"),),
    ),
    Theorem(
        name="tracking.saved-clear",
        claim="make_spte() leaves the slots for saved permissions clear.",
        source="KVM's WARN in mark_spte_for_access_track()",
        assumes=(
            "the SPTE is not prefetched without A/D bits: it is access-tracked then",
            "a page frame number fits the SPTE",
        ),
        vendors=(Vendor.INTEL,),
        state=alone(_saved_clear),
        catches=showing("saved-slot-set", "mmu-writable-in-saved-slot", "frame-off-by-one"),
    ),
)
