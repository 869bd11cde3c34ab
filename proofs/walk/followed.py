"""A guest's writes to tables that are shadowed: what KVM has made of the entries goes."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.table_writes import ProtectedWritten
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several
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


def _unprotected(kvm: Kvm) -> Claim:
    made = kvm.table_writes.unprotected()
    name, met = f"{made.function}()", all_of(made.begins, made.page.shadows)
    return never(
        given(
            shown=(
                Shown("gfn", made.page.gfn),
                Shown("gfn of the page", made.page.page_gfn),
                Shown("answer", made.answer),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong("of-another-frame", negate(made.of_frame), f"{name} looks for what shadows another frame.").told(
            "another frame", "KVM: the frame of the address that was written to"
        ),
        Wrong(
            "page-kept",
            any_of(all_of(met, negate(made.gives_up)), all_of(made.begins, made.page.there, negate(made.goes_on))),
            f"{name} keeps a page that shadows the frame, which stays write-protected.",
        ).told("kept", "KVM: each page that shadows the frame goes, or the write faults again"),
        Wrong(
            "page-lost",
            all_of(made.gives_up, negate(met)),
            f"{name} takes a page apart that does not shadow the frame.",
        ).told("taken apart", "KVM: the pages in use that shadow a table in this frame"),
        Wrong(
            "answered-early",
            all_of(made.answer, negate(any_of(made.frees, made.goes_on))),
            f"{name} says that a frame may be written to before its pages are gone.",
        ).told("yes", "KVM: pages that were taken apart are flushed and freed first"),
    )


def _protected(made: ProtectedWritten) -> Claim:
    name = "kvm_mmu_write_protect_fault()"
    return never(
        given(
            shown=(
                Shown("error code", made.error_code),
                Shown("the same write again", made.again),
                Shown("made writable", made.unprotected),
                Shown("in guest mode", made.in_guest),
                Shown("retries", made.retries),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "retries-in-vain",
            all_of(made.retries, negate(all_of(made.unprotects, made.unprotected))),
            f"{name} lets a write be tried again whose page is as protected as before.",
        ).told("RET_PF_RETRY", "KVM's comment in it: resuming the guest would put it into an infinite loop"),
        Wrong(
            "retries-for-ever",
            any_of(all_of(any_of(made.again, made.in_mmio), made.unprotects), all_of(made.again, made.may_retry)),
            f"{name} makes a page writable for the write for which it did so last.",
        ).told("made writable again", "KVM's comment in it: that would likely put the vCPU into an infinite loop"),
        Wrong(
            "retries-for-l2",
            all_of(made.may_retry, made.in_guest),
            f"{name} lets a write of an L2 be tried again if it cannot be emulated.",
        ).told("allowed", "KVM's comment in it: only L1's tables are shadowed, so that would not help an L2"),
        Wrong(
            "neither",
            negate(any_of(made.retries, made.emulates)),
            f"{name} neither emulates a write nor lets it be tried again.",
        ).told("another answer", "KVM: a write to a protected page is emulated or tried again"),
    )


def _freed(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield _unprotected(kvm)
    made = kvm.table_writes.protected()
    if made is not None:
        yield _protected(made)


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
    Theorem(
        name="walk.unprotected",
        claim="A write to a protected page is tried again only if each page that shadows its frame is gone, and not "
        "twice for one instruction and address; else it is emulated.",
        source="KVM's comments in kvm_mmu_write_protect_fault()",
        assumes=("that some page was taken apart is what the list of those to be freed says",),
        state=several(_freed),
        catches=(
            Catch("unprotected-page-kept", "page-kept"),
            Catch("protected-retries-for-ever", "retries-for-ever"),
            Catch("protected-retries-for-l2", "retries-for-l2"),
        ),
    ),
)
