"""What is kept of each SPTE beside it: by it the SPTE is found again, and compared with what the guest grants."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.reverse_maps import CollapseRound
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, all_of, any_of, bv, eq, implies, ne, negate, slt, ult, zext

_FRAMES, _LEVELS, _HUGEST = 1 << 52, 5, 3
_LEVEL_BITS = 9
_BEFORE_SLOT = "a page of SPTEs that begins before the slot"
_NOTES = "KVM's comment at struct kvm_mmu_page: the frame and access of the guest's that are shadowed"
_LISTS = "KVM: what maps a frame at a level is found by one list, of its slot"


def _span(level: BitVec) -> BitVec:
    """How many frames the entries of a page of a level translate."""
    return bv(1, 64) << zext(level * 9, 64)


def _noted(kvm: Kvm) -> Claim:
    made = kvm.reverse_maps.noted()
    return never(
        given(
            Assumption("the page shadows a table of the guest's", made.shadows),
            Assumption("a frame has at most 52 bits", ult(made.gfn, _FRAMES)),
            Assumption("an access is one of ACC_*", eq(made.access & ~kvm.constant("ACC_ALL"), 0)),
            shown=(
                Shown("gfn", made.gfn),
                Shown("access", made.access),
                Shown("gfn that is read back", made.gfn_after),
                Shown("access that is read back", made.access_after),
            ),
            evidence=made.evidence,
            part="noted and read back",
        ),
        Wrong(
            "another-note",
            any_of(ne(made.gfn_after, made.gfn), ne(made.access_after, made.access)),
            "What kvm_mmu_page_set_translation() notes of an SPTE is read back as something else.",
        ).told("another frame or access", _NOTES),
        Wrong("note-beside", made.beside, "kvm_mmu_page_set_translation() changes what is noted of another SPTE.").told(
            "another note changes", _NOTES
        ),
    )


def _mapped(kvm: Kvm) -> Claim:
    made, name = kvm.reverse_maps.mapped(), "mmu_set_spte()"
    return never(
        given(
            Assumption("an entry stands at one of five levels", ult(made.level - 1, _LEVELS)),
            shown=(
                Shown("the entry maps the page already", made.kept),
                Shown("it is put on the frame's list", made.added),
                Shown("its access is noted anew", made.renoted),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "not-noted",
            all_of(made.makes, negate(any_of(made.added, made.renoted))),
            f"{name} does not note what the guest grants with the SPTE that it makes.",
        ).told("the note stays as it was", _NOTES),
        Wrong(
            "not-listed",
            all_of(made.makes, negate(made.kept), negate(made.added)),
            f"{name} maps a page with an SPTE that is on no list.",
        ).told("the SPTE is not found by its frame", _LISTS),
        Wrong("listed-twice", all_of(made.kept, made.added), f"{name} puts an SPTE on a list on which it is.").told(
            "it is there twice", _LISTS
        ),
        Wrong(
            "noted-otherwise", made.otherwise, f"{name} notes another entry, frame or access than those of the SPTE."
        ).told("another note", _NOTES),
    )


def _translation(kvm: Kvm, _vendor: Vendor) -> tuple[Claim, ...]:
    return _noted(kvm), _mapped(kvm)


def _added(kvm: Kvm) -> Claim:
    made, name = kvm.reverse_maps.added(), "__rmap_add()"
    return never(
        given(
            Assumption("an entry stands at one of five levels", ult(made.level - 1, _LEVELS)),
            shown=(Shown("level", made.level),),
            evidence=made.evidence,
            part=name,
        ),
        Wrong("not-noted", negate(made.noted), f"{name} does not note what the SPTE maps.").told(
            "no note, or another", _NOTES
        ),
        Wrong(
            "another-list", negate(made.listed), f"{name} puts the SPTE on another list than its frame's, or on none."
        ).told("the SPTE is not found by its frame", _LISTS),
        Wrong(
            "dropped-unflushed",
            all_of(made.dropped, negate(made.flushed)),
            f"{name} takes all away that maps a frame, and leaves it to TLBs.",
        ).told(
            "no flush",
            "KVM: what an SPTE no longer allows is flushed before its lock is let go",
            place="arch/x86/kvm/mmu/mmu.c:__rmap_add",
        ),
    )


def _dropped(kvm: Kvm) -> Claim:
    made, name = kvm.reverse_maps.dropped(), "drop_spte()"
    return never(
        given(shown=(Shown("the SPTE is there", made.present),), evidence=made.evidence, part=name),
        Wrong("not-emptied", negate(made.emptied), f"{name} leaves something in the entry.").told(
            "the entry is not empty", "KVM: SHADOW_NONPRESENT_VALUE"
        ),
        Wrong(
            "stays-listed",
            all_of(made.present, negate(made.unlisted)),
            f"{name} leaves an SPTE on its list that is no more, or takes it off another's.",
        ).told("the list leads to an entry that is free", _LISTS),
        Wrong(
            "unlisted-needlessly",
            all_of(made.asked, negate(made.present)),
            f"{name} takes an entry off a list that maps nothing.",
        ).told("it is on none", _LISTS),
    )


def _listed(kvm: Kvm, _vendor: Vendor) -> tuple[Claim, ...]:
    return _added(kvm), _dropped(kvm)


def _collapsed(kvm: Kvm, _vendor: Vendor) -> tuple[Claim, ...]:
    return tuple(_given_up(kvm.reverse_maps.collapsed(), before) for before in (False, True))


def _below_highest(made: CollapseRound) -> Assumption:
    return Assumption(
        "no SPTE of the highest level is looked at: kvm_rmap_zap_collapsible_sptes()", ult(made.level, _HUGEST)
    )


def _given_up(made: CollapseRound, before: bool) -> Claim:
    name, starts_before = "kvm_mmu_zap_collapsible_spte()", ult(made.gfn, made.base)
    before_array = ult(made.gfn >> _LEVEL_BITS, made.base >> _LEVEL_BITS)
    fits = all_of(made.direct, slt(made.level, made.max_level))
    return never(
        given(
            Assumption(
                "an SPTE maps a page of one of three levels, and so can a page be",
                all_of(ult(made.level - 1, _HUGEST), ult(made.max_level - 1, _HUGEST)),
            ),
            Assumption(
                "a slot has frames, of at most 52 bits", all_of(ult(made.base, _FRAMES), ult(made.pages - 1, _FRAMES))
            ),
            Assumption("a page of tables has frames of at most 52 bits", ult(made.gfn, _FRAMES)),
            Assumption(
                "some frame of the slot is one of the page's: its list has led to the SPTE",
                all_of(ult(made.gfn, made.base + made.pages), ult(made.base, made.gfn + _span(made.level))),
            ),
            Assumption(
                "a page without a guest's table begins at a multiple of what it translates: its gfn is rounded down",
                implies(made.direct, eq(made.gfn & (_span(made.level) - 1), 0)),
            ),
            Assumption(
                "the page begins before the slot" if before else "the page begins in the slot",
                starts_before if before else negate(starts_before),
            ),
            *([_below_highest(made)] if before else []),
            shown=(
                Shown("first frame of the page", made.gfn),
                Shown("slot.base_gfn", made.base),
                Shown("slot.npages", made.pages),
                Shown("level", made.level),
                Shown("highest level", made.max_level),
            ),
            evidence=made.evidence,
            part=_BEFORE_SLOT if before else "",
        ),
        Wrong(
            "asked-of-another",
            all_of(made.asked, negate(made.asked_right)),
            f"{name} asks how large a page can be around another frame than the first of the SPTE's page.",
        ).told("another frame or slot", "KVM's comment in it"),
        Wrong(
            "asked-outside-slot",
            all_of(made.asked, before_array),
            f"{name} asks how large a page can be around a frame for which the slot's array has no entry.",
        ).told(
            "what lies before the slot's array is read",
            "KVM's comment in it: the bounds check must be done first",
            place="arch/x86/kvm/mmu/mmu.c:kvm_mmu_zap_collapsible_spte",
        ),
        Wrong(
            "dropped-needlessly",
            all_of(made.dropped, negate(all_of(made.asked, fits))),
            f"{name} takes an SPTE away in whose place there can be no larger page.",
        ).told("the SPTE goes", "KVM's comment in it: direct pages that the host maps larger"),
        Wrong(
            "small-page-left",
            all_of(made.here, made.asked, fits, negate(made.dropped)),
            f"{name} leaves a small page where there can be a larger one.",
        ).told("the SPTE stays", "KVM's comment in it"),
        Wrong(
            "dropped-unflushed",
            all_of(made.dropped, negate(any_of(made.flushed, made.due))),
            f"{name} takes an SPTE away, and nobody flushes.",
        ).told("no flush", "KVM: who goes through a slot flushes what has changed"),
        Wrong(
            "goes-on-in-list",
            all_of(made.dropped, negate(made.restarts)),
            f"{name} takes an SPTE off the list that it goes through, and goes on behind it.",
        ).told("others of the list may be passed over", "KVM's comment at rmap_get_first(): start anew after removing"),
    )


THEOREMS = (
    Theorem(
        name="stored.translation",
        claim="The frame and the access of the guest's that are noted of an SPTE are those with which it is made, and "
        "are read back as they were noted. An SPTE of the shadow MMU is put on its frame's list when it begins to map "
        "a page, and only then.",
        source="KVM's comments at struct kvm_mmu_page and in mmu_set_spte()",
        assumes=("a frame has at most 52 bits, and an access is one of ACC_*",),
        state=several(_translation),
        catches=(Catch("translation-notes-all", "another-note"), Catch("translation-not-renoted", "not-noted")),
    ),
    Theorem(
        name="stored.listed",
        claim="An SPTE that maps a frame is on the list of this frame, of the SPTE's level and slot, and is taken off "
        "that list when it goes. If a list becomes too long, all that is on it goes, and is flushed.",
        source="KVM's comments at struct kvm_rmap_head and in rmap_remove()",
        assumes=("the list of a frame is where slot.index says",),
        state=several(_listed),
        catches=(
            Catch("rmap-of-small-pages", "another-list"),
            Catch("rmap-drops-unflushed", "dropped-unflushed"),
            Catch("dropped-spte-stays-listed", "stays-listed"),
        ),
    ),
    Theorem(
        name="stored.collapsed",
        claim="Where small pages are given up for huge ones, an SPTE goes only if no guest's table is behind it, "
        "and if the slot and the host can have a larger page there. That is asked only where the slot's arrays have "
        "entries. What goes is flushed, and its list is gone through again.",
        source="KVM's comment in kvm_mmu_zap_collapsible_spte()",
        assumes=("how large a page can be is for slot.huge-page to say",),
        state=several(_collapsed),
        catches=(
            Catch("collapse-asks-below-slot", "asked-outside-slot"),
            Catch("collapse-goes-on-in-list", "goes-on-in-list"),
        ),
    ),
)
