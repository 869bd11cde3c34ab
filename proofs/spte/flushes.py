"""What operations say of TLBs: they want a flush where the hardware may have cached what is no longer allowed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.spte_changes import SpteChange
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, never
from mmuproof.proofs.given import hardware_spte
from mmuproof.proofs.given.done import Done, How
from mmuproof.proofs.given.hardware_spte import address, with_saved
from mmuproof.proofs.given.held_spte import slots_are_clear, writable_states
from mmuproof.proofs.given.lifecycle_invariant import is_present
from mmuproof.proofs.given.operations import for_all
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.theorem import Claim, Theorem, showing
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, eq, ne, negate
from mmuproof.spec import npt
from mmuproof.spec.translations import is_stale

_WRITE = hardware_spte.field_mask(Vendor.INTEL, "write")
_TOLERATED = "KVM's comment at leaf_spte_change_needs_tlb_flush()"


def _lost(kvm: Kvm, masks: ShadowMasks, before: BitVec, after: BitVec) -> Bool:
    """Whether a translation may allow what the SPTE does not any more, and KVM does not let it do so.

    While an SPTE is MMU-writable, KVM lets translations be writable that are older than it: dirty logging flushes when
    the log is read.  An access-tracked SPTE has put permissions away, and KVM lets older translations have them.
    """
    old, new = (with_saved(kvm, masks.vendor, each) for each in (before, after))
    may_write = any_of(has(before, _WRITE), ne(before & masks.mmu_writable, 0))
    may_still = any_of(has(after, _WRITE), ne(after & masks.mmu_writable, 0))
    write = all_of(may_write, negate(may_still))
    if masks.vendor is Vendor.INTEL:
        return any_of(write, ne(old & ~new & hardware_spte.saved_bits(kvm), 0))
    was, now = npt.permissions_of(old), npt.permissions_of(new)
    return any_of(write, all_of(was.user, negate(now.user)), all_of(now.no_execute, negate(was.no_execute)))


def _reported(kvm: Kvm, masks: ShadowMasks, done: Done) -> Claim:
    """An operation that says nothing removes nothing; one that hands back what it took is its callers' matter."""
    before, after = done.held.spte, done.after.spte
    says = TRUE if done.flushes is None else done.flushes
    stale = is_stale(
        cached=TRUE,
        present=is_present(kvm, after),
        same_frame=eq(address(before), address(after)),
        lost_permission=_lost(kvm, masks, before, after),
    )
    # In a root that KVM has given up nothing is used; all of it is flushed at once.
    unused = kvm.spte_changes.page_is_invalid(masks) if done.name == SpteChange.TDP_ZAP.value else FALSE
    idle = all_of(eq(before, after), negate(ne(before & masks.mmu_writable, 0)))
    extra = all_of(says, idle) if done.flushes is not None else FALSE
    return never(
        done.case(writable_states(masks, before), of_before=slots_are_clear(kvm, masks, done.held)),
        Wrong(
            "no-flush",
            all_of(stale, negate(says), negate(unused)),
            "The hardware may go on using what an SPTE no longer allows, and no flush is asked for.",
        ).told("no flush", f"a flush: SDM 31.4, APM 15.16; {_TOLERATED} says what may wait"),
        Wrong("needless-flush", extra, "A flush is asked for although the SPTE is as it was.").told(
            "a flush", "none: nothing changed, and KVM's lock-free path cannot have made the SPTE writable"
        ),
    )


def _flushes(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    return for_all(kvm, masks, partial(_reported, kvm, masks), (How.CHANGES, How.FIXES))


THEOREMS = (
    Theorem(
        name="spte.flush",
        claim="Where the hardware may have cached what an SPTE no longer allows, every operation on it in place "
        "asks for a flush of TLBs, unless KVM lets such translations live on. It asks only where "
        "something changed or the SPTE was MMU-writable.",
        source="SDM 31.4.3, APM 15.16; KVM's comment at leaf_spte_change_needs_tlb_flush()",
        assumes=(
            "while an SPTE is MMU-writable, older translations may be writable: dirty logging flushes when the log is "
            "turned on or read, whatever was found",
            "older translations may have A and D set, and what access tracking puts away: aging tolerates that, and "
            "dirty logging flushes as above",
            "mmu_spte_clear_track_bits() gives its caller the SPTE that it took away, who flushes",
            "nothing uses a root that is invalid: kvm_tdp_mmu_zap_invalidated_roots() flushes all of it",
        ),
        state=_flushes,
        catches=(
            *showing("no-flush", "write-track-without-flush", "tdp-write-protect-without-flush"),
            *showing("no-flush", "restore-shift-off-by-one", "track-again-forgets", "mmu-writable-in-saved-slot"),
            *showing("needless-flush", "leaf-change-always-flushes"),
        ),
    ),
)
