"""A theorem of one's own: what access tracking saves; with a mistake that it must catch."""

from collections.abc import Sequence
from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.model.statement import Case, Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.theorem import Catch, Claim, Theorem
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, eq, ne, negate, var


def _saves(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    masks, spte = kvm.masks.shadow_masks(vendor), var("spte", 64)
    tracked = kvm.sptes.access_track(masks, spte)
    bits, shift = kvm.constant("SHADOW_ACC_TRACK_SAVED_BITS_MASK"), kvm.constant("SHADOW_ACC_TRACK_SAVED_BITS_SHIFT")
    ad_type = spte & kvm.constant("SPTE_TDP_AD_MASK")
    saved = (tracked.marked >> shift) & bits
    assumptions = (
        *plausible_host(masks),
        Assumption("the SPTE is MMU-present", has(spte, kvm.constant("SPTE_MMU_PRESENT_MASK"))),
        Assumption("it has no A/D bits", eq(ad_type, kvm.constant("SPTE_TDP_AD_DISABLED"))),
        Assumption("it is not tracked yet", negate(tracked.was_access_track)),
        Assumption("the saved slots are clear", eq(spte & (bits << shift), 0)),
    )
    wrong = Symptom(
        name="saved-wrongly",
        when=ne(saved, spte & bits),
        sentence="Marking an SPTE for access tracking saves other permissions than it had.",
        actual="another value in the slots",
        expected="KVM: the slots hold R, X and XU",
        place="arch/x86/kvm/mmu/spte.c:mark_spte_for_access_track",
    )
    shown = (Shown("spte", spte), Shown("marked", tracked.marked))
    case = Case(assumptions=assumptions, shown=shown, evidence=tracked.evidence)
    return [Claim(holds=eq(saved, spte & bits), symptoms=(wrong,), case=case)]


class _SavesReadsOnly(ReferenceSptes):
    def _put_away(self, masks: ShadowMasks, spte: BitVec) -> BitVec:
        slots = self.constants.acc_track_saved_slots
        read = (spte & 1) << self.constants.SHADOW_ACC_TRACK_SAVED_BITS_SHIFT
        return super()._put_away(masks, spte) & ~slots | read


DEFECTS: tuple[Defect, ...] = (
    defect(
        "track-saves-reads-only",
        "Access tracking saves R, and forgets that the page was executable.",
        "arch/x86/kvm/mmu/spte.c",
        r"(spte \|= \(spte &) SHADOW_ACC_TRACK_SAVED_BITS_MASK\) <<",
        r"\1 VMX_EPT_READABLE_MASK) <<",
        partial(ReferenceKvm, sptes=_SavesReadsOnly),
    ),
)

THEOREMS: tuple[Theorem, ...] = (
    Theorem(
        name="own.track-saves",
        claim="Marking an SPTE for access tracking saves R, X and XU as they were.",
        source="KVM: mark_spte_for_access_track()",
        assumes=("the saved slots are clear: tracking.saved-clear shows it of make_spte()",),
        vendors=(Vendor.INTEL,),
        state=_saves,
        catches=(Catch("track-saves-reads-only", "saved-wrongly"),),
    ),
)
