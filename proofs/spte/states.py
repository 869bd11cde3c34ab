"""Who may write: the three states of a writable SPTE, and what write protection, logging and aging do to one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.spte_changes import SpteAt, SpteChange
from mmuproof.model.sptes import SpteRequest
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given, never
from mmuproof.proofs.given import hardware_spte
from mmuproof.proofs.given.done import Done
from mmuproof.proofs.given.hardware_spte import with_saved
from mmuproof.proofs.given.held_spte import slots_are_clear, use_is_known, writable_in_order, writable_states
from mmuproof.proofs.given.lifecycle_invariant import is_present
from mmuproof.proofs.given.made_spte import made_spte
from mmuproof.proofs.given.operations import for_all, in_place
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bool_var, bv, eq, iff, implies, ite, ne, negate

_WRITE = hardware_spte.field_mask(Vendor.INTEL, "write")
_STATES = "KVM's table at check_spte_writable_invariants()"


# -- spte.writable-states ------------------------------------------------------------------------------------


def _order_symptoms(masks: ShadowMasks, spte: BitVec) -> tuple[Symptom, ...]:
    writable = has(spte, _WRITE)
    mmu_writable, host_writable = ne(spte & masks.mmu_writable, 0), ne(spte & masks.host_writable, 0)
    return (
        Wrong(
            "writable-not-mmu-writable", all_of(writable, negate(mmu_writable)), "A writable SPTE is not MMU-writable."
        ).told("W without MMU-writable", _STATES),
        Wrong(
            "mmu-writable-not-host-writable",
            all_of(mmu_writable, negate(host_writable)),
            "An MMU-writable SPTE is not host-writable.",
        ).told("MMU-writable without host-writable", _STATES),
    )


def _in_order(kvm: Kvm, masks: ShadowMasks, done: Done) -> Claim:
    """An operation makes SPTEs in order, or keeps the order, leaves host-writable alone and grants no MMU-writable."""
    after = done.after.spte
    if isinstance(done.asked, SpteRequest):
        host = iff(ne(after & masks.host_writable, 0), done.asked.host_writable)
        return always(
            all_of(writable_in_order(masks, after), host),
            done.case(shown=(Shown("spte", after, kind=NumberKind.SPTE),)),
            *_order_symptoms(masks, after),
            Wrong(
                "host-writable-wrong", negate(host), "An SPTE says the contrary of what the host's mapping allows."
            ).told("host-writable", "the argument host_writable"),
        )
    before, stays = done.held.spte, is_present(kvm, after)
    host_changed = all_of(stays, ne((before ^ after) & masks.host_writable, 0))
    mmu_gained = all_of(stays, ne(after & ~before & masks.mmu_writable, 0))
    return always(
        all_of(implies(stays, writable_in_order(masks, after)), negate(host_changed), negate(mmu_gained)),
        done.case(writable_states(masks, before), of_before=slots_are_clear(kvm, masks, done.held)),
        *_order_symptoms(masks, after),
        Wrong("host-writable-changed", host_changed, "An operation on an SPTE changes host-writable.").told(
            "host-writable differs", "KVM: it stays as it was when the SPTE was made"
        ),
        Wrong("mmu-writable-gained", mmu_gained, "An operation on an SPTE makes it MMU-writable.").told(
            "MMU-writable is set", "KVM: only make_spte() asks whether the page is write-tracked"
        ),
    )


def _writable_states(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    return for_all(kvm, masks, partial(_in_order, kvm, masks))


# -- spte.write-protection -----------------------------------------------------------------------------------


_WRITE_PROTECTING = (SpteChange.RMAP_WRITE_PROTECT, SpteChange.TDP_WRITE_PROTECT)


def _write_protection(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    for change, done in in_place(kvm, masks, lambda change: change.tracks or change in _WRITE_PROTECTING):
        before, after = done.held.spte, done.after.spte
        still = has(after, _WRITE)
        again = ne(after & masks.mmu_writable, 0) if change.tracks else FALSE
        taken = masks.mmu_writable | _WRITE if change.tracks else bv(_WRITE, 64)
        stray = ne((after ^ before) & ~taken, 0)
        yield never(
            done.case(writable_states(masks, before)),
            Wrong("still-writable", still, "A write-protected SPTE is writable.").told(
                "W is set", "the next write has to fault"
            ),
            Wrong(
                "still-mmu-writable",
                again,
                "The SPTE of a page that holds guest tables may be made writable without KVM's lock.",
            ).told("MMU-writable is set", "KVM: cleared while the page is write-tracked"),
            Wrong("another-bit-changed", stray, "Write protection changes more of an SPTE than who may write.").told(
                "another bit changes", "the rest of the SPTE stays"
            ),
        )


# -- spte.accessed-dirty -------------------------------------------------------------------------------------


def _accessed_dirty(kvm: Kvm, vendor: Vendor) -> Claim:
    masks = kvm.masks.shadow_masks(vendor)
    inputs = made_spte(kvm, masks)
    request = inputs.request
    made = kvm.sptes.make_spte(masks, request)
    facts = kvm.spte_changes.facts(masks, SpteAt(made.spte, request.level))
    tracked = facts.is_access_track_spte
    accessed, dirty = (has(made.spte, hardware_spte.field_mask(vendor, name)) for name in ("accessed", "dirty"))
    writable = has(made.spte, _WRITE)
    wrong_type = ne(made.spte & kvm.constant("SPTE_TDP_AD_MASK"), _page_types(kvm, masks, request.ad_disabled))
    has_flags = negate(request.ad_disabled)
    unused = all_of(has_flags, negate(request.prefetch), negate(accessed))
    used = all_of(request.prefetch, negate(request.synchronizing), facts.is_accessed_spte)
    unnoticed = all_of(request.ad_disabled, negate(tracked), negate(facts.is_accessed_spte))
    old = kvm.spte_changes.facts(masks, SpteAt(request.old_spte, request.level))
    becomes = all_of(writable, negate(all_of(old.is_last_spte, old.is_writable_pte)))
    clean = all_of(has_flags, becomes, negate(dirty))
    written = all_of(dirty, negate(writable), negate(tracked))
    unlogged = all_of(
        made.logged, writable, negate(all_of(made.marked_dirty.called, eq(made.marked_dirty.gfn, request.gfn)))
    )
    return always(
        negate(any_of(wrong_type, unused, used, unnoticed, clean, written, unlogged)),
        given(
            *inputs.assumptions,
            _flags_as_page(masks, request.ad_disabled),
            shown=(*inputs.shown, Shown("spte", made.spte, kind=NumberKind.SPTE)),
            evidence=made.evidence,
        ),
        Wrong("wrong-type", wrong_type, "An SPTE has another A/D type than its page.").told(
            "another type", "KVM: role.ad_disabled, and for L2's pages write protection where PML logs L1's writes"
        ),
        Wrong("not-accessed", unused, "The SPTE of a page that is in use counts as unused.").told(
            "A is clear", "KVM: only prefetched SPTEs count as unused"
        ),
        Wrong("accessed", used, "A prefetched SPTE counts as used.").told(
            "A is set", "KVM: only prefetched SPTEs count as unused"
        ),
        Wrong(
            "use-not-noticed", unnoticed, "An SPTE without A/D bits counts as unused, and its use will not be noticed."
        ).told(
            "A is clear, and the SPTE is not access-tracked",
            "KVM: without A/D bits only the fault of an access-tracked SPTE tells of a use",
        ),
        Wrong("write-not-logged", unlogged, "An SPTE becomes writable, and the dirty log does not have its page.").told(
            "mark_page_dirty_in_slot() is not called, or of another page",
            "KVM: with W and D set, no later write is noticed",
        ),
        Wrong("not-dirty", clean, "An SPTE becomes writable without D, so its first write is logged again.").told(
            "D is clear", "KVM: the page is marked dirty when its SPTE becomes writable"
        ),
        Wrong("dirty", written, "A read-only SPTE is made with D.").told("D is set", "nothing was written through it"),
    )


def _flags_as_page(masks: ShadowMasks, ad_disabled: Bool) -> Assumption:
    """A page's role can turn A/D bits off, not on."""
    possible = masks.host.has_ad_bits if masks.vendor is Vendor.INTEL else negate(FALSE)
    return Assumption("without A/D bits in the processor role.ad_disabled is 1", any_of(possible, ad_disabled))


def _page_types(kvm: Kvm, masks: ShadowMasks, disabled: Bool) -> BitVec:
    """The A/D type of a page's SPTEs."""
    protects = kvm.spte_changes.page_needs_write_protection(masks)
    types = {name: kvm.constant(f"SPTE_TDP_AD_{name}") for name in ("ENABLED", "DISABLED", "WRPROT_ONLY")}
    logged = ite(protects, bv(types["WRPROT_ONLY"], 64), bv(types["ENABLED"], 64))
    return ite(disabled, bv(types["DISABLED"], 64), logged)


# -- spte.dirty-logging --------------------------------------------------------------------------------------


def _page_type(kvm: Kvm, masks: ShadowMasks, spte: BitVec) -> Assumption:
    """The TDP MMU asks the page, not the SPTE: make_spte() has given the SPTE the page's type."""
    ad_type = spte & kvm.constant("SPTE_TDP_AD_MASK")
    wanted = _page_types(kvm, masks, negate(masks.host.has_ad_bits))
    return Assumption("the SPTE's A/D type is that of its page: make_spte() takes it from there", eq(ad_type, wanted))


def _dirty_logging(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    dirty = hardware_spte.field_mask(vendor, "dirty")
    for change, done in in_place(kvm, masks, lambda change: change.clears_dirty):
        before, after = done.held.spte, done.after.spte
        # PML logs a write when it sets D, which it does in SPTEs with A/D bits that are not write-protected for it.
        by_hardware = all_of(
            eq(before & kvm.constant("SPTE_TDP_AD_MASK"), kvm.constant("SPTE_TDP_AD_ENABLED")),
            negate(has(after, dirty)),
        )
        missed = all_of(has(after, _WRITE), negate(by_hardware))
        stray = ne((after ^ before) & ~bv(_WRITE | dirty, 64), 0)
        own = () if change is SpteChange.RMAP_CLEAR_DIRTY else (_page_type(kvm, masks, before),)
        if change is SpteChange.TDP_CLEAR_DIRTY_MASKED:
            own = (*own, Assumption("the page is small: its callers log small pages", eq(done.held.level, 1)))
        yield never(
            done.case(*own, writable_states(masks, before)),
            Wrong("write-not-noticed", missed, "After the dirty log is cleared, the next write is not noticed.").told(
                "W is set, and D does not log", "SDM 31.3.6: PML logs where D goes from 0 to 1"
            ),
            Wrong("another-bit-changed", stray, "Clearing the dirty log changes a bit besides W and D.").told(
                "another bit changes", "the rest of the SPTE stays"
            ),
        )


# -- spte.aging ----------------------------------------------------------------------------------------------


def _aging(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    mbec = bool_var("MBEC") if vendor is Vendor.INTEL and kvm.has(Feature.MBEC) else FALSE
    accessed = hardware_spte.field_mask(vendor, "accessed")
    for _, done in in_place(kvm, masks, lambda change: change.ages):
        held, after = done.held, done.after
        facts = kvm.spte_changes.facts(masks, held)
        without = negate(facts.spte_ad_enabled)
        by_fault = all_of(without, hardware_spte.present(vendor, after.spte, mbec=mbec))
        by_flag = all_of(facts.spte_ad_enabled, has(after.spte, accessed))
        before, now = (with_saved(kvm, vendor, each) for each in (held.spte, after.spte))
        slots = hardware_spte.saved_slots(kvm) if vendor is Vendor.INTEL else 0
        lost = ne((before ^ now) & ~bv(_WRITE | accessed | slots, 64), 0)
        unnoticed = any_of(by_fault, by_flag)
        mirror = kvm.spte_changes.page_is_mirror(masks)
        again = all_of(
            negate(mirror), negate(facts.is_access_track_spte), kvm.spte_changes.facts(masks, after).is_accessed_spte
        )
        yield always(
            negate(any_of(unnoticed, lost, again)),
            done.case(
                *slots_are_clear(kvm, masks, held),
                writable_states(masks, held.spte),
                use_is_known(kvm, masks, held),
                _no_mirror(kvm, masks),
            ),
            Wrong("use-not-noticed", unnoticed, "After an SPTE is aged, its next use is not noticed.").told(
                "A is set, or the hardware uses the SPTE",
                f"{hardware_spte.MANUALS[vendor]}: a use of the entry sets A, or faults",
            ),
            Wrong("still-used", again, "After an SPTE is aged it still counts as used.").told(
                "is_accessed_spte() is true", "KVM: it is asked again before the next use"
            ),
            Wrong("another-bit-changed", lost, "Aging changes more of an SPTE than W and A.").told(
                "another bit changes, or a permission is not saved", "the rest of the SPTE stays"
            ),
        )


def _no_mirror(kvm: Kvm, masks: ShadowMasks) -> Assumption:
    """A mirror of TDX's secure EPT is not aged."""
    return Assumption(
        "the page is no mirror of TDX's secure EPT: KVM warns and does not age it",
        negate(kvm.spte_changes.page_is_mirror(masks)),
    )


THEOREMS = (
    Theorem(
        name="spte.writable-states",
        claim="A writable SPTE is MMU-writable, and an MMU-writable one host-writable: make_spte() makes them so, and "
        "every operation keeps it, leaves host-writable as it was made, and grants no MMU-writable.",
        source="KVM's table of states and WARNs at check_spte_writable_invariants()",
        assumes=("the SPTE was in order before", "saved slots are clear unless the SPTE is access-tracked"),
        state=_writable_states,
        catches=(
            Catch("fast-fault-ignores-mmu-writable", "writable-not-mmu-writable"),
            *showing("mmu-writable-not-host-writable", "write-for-host-readonly", "mmu-writable-in-saved-slot"),
            Catch("host-writable-at-xu", "host-writable-changed"),
        ),
    ),
    Theorem(
        name="spte.write-protection",
        claim="A write-protected SPTE is not writable; for dirty logging it stays MMU-writable, for a page that holds "
        "guest tables it does not; nothing else of it changes.",
        source="KVM's comments at spte_write_protect() and write_protect_gfn()",
        assumes=("the SPTE is present and maps a page", "W implies MMU-writable implies host-writable"),
        state=several(_write_protection),
        catches=(Catch("write-tracking-keeps-mmu-writable", "still-mmu-writable"),),
    ),
    Theorem(
        name="spte.accessed-dirty",
        claim="make_spte() gives an SPTE the A/D type of its page, A unless it is prefetched, D if it becomes "
        "writable, and D never if it is not. Without A/D bits, what counts as unused is access-tracked. Where "
        "writes are logged, the page of a writable SPTE is marked in the log.",
        source="KVM's comments in make_spte(); SDM 31.3.5, APM 5.4",
        assumes=(
            "without A/D bits in the processor role.ad_disabled is 1, and outside EPT it is 0",
            "nothing is said of A in an SPTE that is prefetched and synchronized, nor of D in one that replaces a "
            "writable one",
        ),
        state=alone(_accessed_dirty),
        catches=(
            Catch("writable-without-dirty", "not-dirty"),
            Catch("l2-pages-logged-by-pml", "wrong-type"),
            Catch("mark-with-ad-bits-takes-all", "dirty"),
            *showing("use-not-noticed", "synchronized-without-accessed", "prefetched-not-tracked"),
            Catch("writable-not-logged", "write-not-logged"),
        ),
    ),
    Theorem(
        name="spte.dirty-logging",
        claim="After another round of dirty logging has begun the next write is noticed: it faults, or the hardware "
        "sets D and logs it; nothing but W and D changes.",
        source="KVM's comments at __rmap_clear_dirty() and clear_dirty_gfn_range(); SDM 31.3.6",
        assumes=(
            "the SPTE is present and maps a page",
            "in the TDP MMU the SPTE's A/D type is its page's, as make_spte() makes it",
        ),
        vendors=(Vendor.INTEL,),
        state=several(_dirty_logging),
        catches=showing("write-not-noticed", "clear-dirty-ignores-type", "clear-dirty-without-ad-bits"),
    ),
    Theorem(
        name="spte.aging",
        claim="After an SPTE is aged it counts as unused. Its next use is noticed: the hardware sets A, or does "
        "not find the entry present. No permission but W is lost, and nothing else changes.",
        source="KVM's comments at kvm_rmap_age_gfn_range() and kvm_tdp_mmu_age_spte(); SDM 31.3.2, APM 5.4",
        assumes=(
            "the SPTE is present and maps a page",
            "saved slots are clear unless the SPTE is access-tracked",
            "without A/D bits an SPTE that is not access-tracked counts as used: lifecycle.* (used)",
            "the page is no mirror of TDX's secure EPT: KVM warns and does not age it",
        ),
        state=several(_aging),
        catches=(
            *showing("use-not-noticed", "age-clears-dirty", "track-mask-without-xu"),
            *showing("another-bit-changed", "track-again-forgets", "track-saves-no-xu"),
            Catch("track-keeps-accessed", "still-used"),
        ),
    ),
)
