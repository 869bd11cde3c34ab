"""What is mapped ahead of any access: entries beside that of a fault, if nothing speaks against them."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.prefetches import PrefetchChosen
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, TRUE, Bool, all_of, ne, negate, ult

_LEVELS = 5
_GUESTS = {
    Vendor.INTEL: (GpteFormat.EPT, GpteFormat.PAGING64),
    Vendor.AMD: (GpteFormat.PAGING64, GpteFormat.PAGING32),
    Vendor.SHADOW: (GpteFormat.PAGING64, GpteFormat.PAGING32),
}


def _chosen(made: PrefetchChosen, by_accessed_bits: Bool) -> Claim:
    name = made.function
    return never(
        given(
            Assumption("an entry stands at one of five levels", ult(made.level - 1, _LEVELS)),
            shown=(
                Shown("level", made.level),
                Shown("role.direct", made.direct),
                Shown("SPTEs have accessed bits", made.accessed_bits),
                Shown("the host takes memory away", made.invalidating),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "ahead-above", all_of(made.ahead, ne(made.level, 1)), f"{name} maps entries ahead that are no small pages."
        ).told("entries of a higher level", "KVM: what is mapped ahead are pages of 4 KByte"),
        Wrong(
            "ahead-while-taken",
            all_of(made.ahead, made.invalidating),
            f"{name} maps entries ahead while the host takes memory away.",
        ).told("entries are mapped", "KVM's comment in it: skip prefetching if addresses are being invalidated"),
        Wrong(
            "ahead-unaccessed",
            all_of(made.ahead, by_accessed_bits, negate(made.accessed_bits)),
            f"{name} maps entries ahead of which nobody can tell whether they are used.",
        ).told("entries are mapped", "KVM's comment in it: no prefetching without accessed bits"),
        Wrong("ahead-over-mapped", made.present, f"{name} maps entries anew that map something.").told(
            "what the entry held is lost", "KVM: only entries without an SPTE are mapped ahead"
        ),
        Wrong("ahead-outside", made.outside, f"{name} maps entries ahead that are far from the fault's.").told(
            "an entry outside of the eight", "KVM: the aligned group of entries around the one of the fault"
        ),
        Wrong(
            "ahead-otherwise",
            made.otherwise,
            f"{name} maps an entry ahead by another entry of the guest's, or of another page.",
        ).told("another guest entry or page", "KVM: the entry that stands at the same place"),
        Wrong(
            "ahead-unfit",
            made.unfit,
            f"{name} maps entries ahead by the guest's although their page has no table of its, or by their places "
            "although it has.",
        ).told("by what is not theirs", "KVM: role.direct says that a page shadows no table of the guest's"),
    )


def _mapped(kvm: Kvm) -> Claim:
    made = kvm.prefetches.mapped()
    return never(
        given(
            shown=(
                Shown("the entries are to be writable", made.writable),
                Shown("writes to the slot are logged", made.logged),
                Shown("the slot is being taken away", made.invalid),
            ),
            evidence=made.evidence,
            part="what they get",
        ),
        Wrong(
            "ahead-unlogged",
            all_of(made.made, made.writable, made.logged),
            "An entry is mapped ahead as writable although writes to its slot are logged.",
        ).told("writes through it are not logged", "KVM: the dirty log has each frame that is written"),
        Wrong(
            "ahead-in-invalid-slot", all_of(made.made, made.invalid), "An entry is mapped ahead in a slot that goes."
        ).told("the entry stays", "KVM: KVM_MEMSLOT_INVALID"),
        Wrong(
            "ahead-another-frame",
            made.another_frame,
            "An entry that is mapped ahead gets another frame than its place says.",
        ).told("another frame", "KVM: entries in a row map frames in a row"),
        Wrong(
            "ahead-another-slot", made.another_slot, "Entries are mapped ahead for another slot than their frame's."
        ).told("another slot", "KVM: the slot of the first frame"),
        Wrong(
            "ahead-another-access",
            made.another_access,
            "An entry that is mapped ahead permits something else than is told, or than its page does.",
        ).told("another access", "KVM: the access that is told; direct pages grant what their role says"),
    )


def _ahead(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    made = kvm.prefetches.chosen()
    yield _chosen(made, TRUE)
    for each in _GUESTS[vendor]:
        yield _chosen(kvm.prefetches.chosen_of_guest(each), FALSE)
    yield _mapped(kvm)


THEOREMS = (
    Theorem(
        name="stored.ahead",
        claim="Entries are mapped ahead of any access only around that of a fault, at the lowest level, where nothing "
        "is mapped, while the host takes no memory away. Without a guest's table that is only done where SPTEs have "
        "accessed bits; else each is mapped by the guest's entry at its place. It gets the frame that its place says "
        "and the access that is told, and is not writable where writes are logged.",
        source="KVM's comments in direct_pte_prefetch() and FNAME(pte_prefetch)()",
        assumes=("what the guest's entry permits is for walk.ahead to say",),
        state=several(_ahead),
        catches=(
            Catch("ahead-over-mapped", "ahead-over-mapped"),
            Catch("ahead-by-first-entry", "ahead-otherwise"),
            Catch("ahead-by-place", "ahead-unfit"),
            Catch("ahead-without-accessed-bits", "ahead-unaccessed"),
            Catch("ahead-while-taken", "ahead-while-taken"),
            Catch("ahead-unlogged", "ahead-unlogged"),
            Catch("ahead-of-one-frame", "ahead-another-frame"),
            Catch("ahead-grants-all", "ahead-another-access"),
        ),
    ),
)
