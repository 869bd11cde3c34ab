"""A guest's writes to tables that are shadowed: what KVM has made of the entries goes."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, eq, implies, ite, ne, negate

_HALF, _ENTRY = 4, 8
_GONE = "KVM: SPTEs are made of what the guest's entries are, so those of entries that are written go"


def _state(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.table_writes.followed()
    name, entry, page = f"{made.function}()", made.entry, made.page
    half = all_of(made.pae, eq(made.length, _HALF))
    met = all_of(made.shadowed, page.shadows)
    right = all_of(
        made.judged,
        eq(made.judged_gpa, ite(half, made.gpa & ~(_ENTRY - 1), made.gpa)),
        implies(half, eq(made.judged_length, _ENTRY)),
        implies(negate(half), eq(made.judged_length, made.length)),
    )
    concerned = all_of(met, negate(made.unfit), negate(made.none))
    here = all_of(concerned, ne(entry.left, 0))
    return never(
        given(
            Assumption("a vCPU is one of a VM", made.of_vm),
            Assumption("a round is at an SPTE, as the first is, and each that follows another", entry.there),
            shown=(
                Shown("gpa", made.gpa),
                Shown("bytes", made.length),
                Shown("gfn of the page", page.page_gfn),
                Shown("the guest uses PAE", made.pae),
                Shown("SPTEs to come", entry.left),
                Shown("the SPTE is present", entry.present),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "write-missed",
            all_of(made.shadowed, negate(made.looks)),
            f"{name} does not look for what shadows the table that is written to.",
        ).told("nothing is looked for", "KVM: pages of the write's frame, as long as some table is shadowed"),
        Wrong(
            "page-passed-over",
            any_of(
                all_of(met, negate(any_of(right, all_of(made.gives_up, made.judged)))),
                all_of(made.shadowed, page.there, negate(any_of(made.goes_on, here))),
            ),
            f"{name} passes over a page that shadows the table, or judges it by another write.",
        ).told("another page, or write", "KVM's comment: half an entry of eight bytes is a write of the whole"),
        Wrong(
            "unfit-kept",
            all_of(met, made.judged, made.unfit, negate(made.gives_up)),
            f"{name} keeps a page whose table is written to otherwise than by whole entries, or all the time.",
        ).told("kept", "KVM's comment at detect_write_misaligned()"),
        Wrong(
            "given-up-wrongly",
            all_of(made.gives_up, negate(met)),
            f"{name} takes a page apart that does not shadow the table.",
        ).told("taken apart", "KVM: pages of the write's frame that are in use"),
        Wrong(
            "entry-kept",
            any_of(
                all_of(concerned, negate(all_of(entry.begins, entry.from_first))),
                all_of(here, negate(all_of(entry.drops, entry.own_entry, entry.goes_on, entry.next_entry))),
            ),
            f"{name} keeps an SPTE of an entry that is written.",
        ).told("kept", _GONE),
        Wrong(
            "entry-unflushed",
            any_of(
                all_of(entry.drops, entry.goes_on, any_of(entry.present, entry.due), negate(entry.due_after)),
                all_of(made.shadowed, negate(page.there), negate(made.flushed)),
            ),
            f"{name} drops an SPTE, and leaves it to TLBs.",
        ).told("no flush", _GONE),
    )


THEOREMS = (
    Theorem(
        name="walk.followed",
        claim="When the guest writes to a table that is shadowed, each page that shadows it loses the SPTEs of the "
        "entries that are written, or goes as a whole, and TLBs lose them too.",
        source="KVM: kvm_mmu_track_write() and its comments",
        assumes=(
            "which SPTEs are for what is written: walk.written",
            "that the write comes to KVM at all: slot.shadowed-table",
        ),
        state=alone(_state),
        catches=(
            Catch("written-half-an-entry", "page-passed-over"),
            Catch("written-keeps-unfit", "unfit-kept"),
            Catch("written-entry-kept", "entry-kept"),
            Catch("written-unflushed", "entry-unflushed"),
        ),
    ),
)
