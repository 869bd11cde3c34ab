"""SPTEs of one frame of which writes are to be noticed: each of them, and what TLBs still have of them."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.reverse_maps import ListRound
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.terms import all_of, negate

_FLUSHES = "KVM: what an SPTE no longer allows is flushed before its lock is let go"


def _round(made: ListRound, name: str, left: Wrong, rule: str) -> Claim:
    return never(
        given(
            shown=(
                Shown("there is an SPTE", made.here),
                Shown("TLBs may have what it no longer allows", made.owes),
                Shown("a flush was due before", made.due),
            ),
            evidence=made.evidence,
            part=name,
        ),
        left.told("the SPTE stays as it is, or loses something else", rule),
        Wrong(
            "flush-forgotten",
            all_of(made.here, made.due, negate(made.due_after)),
            f"{name} forgets at an SPTE the flush that one before it owes.",
        ).told("no flush is due any more", _FLUSHES),
        Wrong(
            "flush-not-owed",
            all_of(made.here, made.changes, made.owes, negate(made.due_after)),
            f"{name} does not ask for a flush of an SPTE that was writable, or dirty.",
        ).told("no flush is due", _FLUSHES),
        Wrong("another-answer", negate(made.answer), f"{name} does not answer whether a flush is due.").told(
            "another answer", _FLUSHES
        ),
    )


def _protected(kvm: Kvm) -> Claim:
    made, name = kvm.reverse_maps.write_protected(), "rmap_write_protect()"
    left = Wrong(
        "left-writable",
        all_of(made.here, negate(all_of(made.changes, made.as_asked))),
        f"{name} passes an SPTE of the frame over, or leaves it such that it may become writable.",
    )
    return _round(made, name, left, "KVM: all that maps the frame is write-protected")


def _cleared(kvm: Kvm) -> Claim:
    made, name = kvm.reverse_maps.dirty_cleared(), "__rmap_clear_dirty()"
    left = Wrong(
        "left-dirty",
        all_of(made.here, negate(all_of(made.changes, made.as_asked))),
        f"{name} passes an SPTE of the frame over, or takes something else from it.",
    )
    return _round(made, name, left, "KVM's comment at it: clear the D bit, or the W bit where there is none")


def _lists(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield _protected(kvm)
    yield _cleared(kvm)


THEOREMS = (
    Theorem(
        name="flush.rmap",
        claim="Where all SPTEs of a frame are write-protected, each of them is, as it is asked for. Where writes are "
        "to be noticed anew, each loses its dirty flag, or the right to write if that tells of none. The answer is "
        "that a flush is due if one of them had it.",
        source="KVM: what an SPTE no longer allows is flushed before its lock is let go",
        assumes=(
            "which SPTEs are on the list is any answer: stored.listed says what is put on it",
            "each that is on it is met: stored.list-walk",
        ),
        state=several(_lists),
        catches=(
            Catch("protects-first-flush-only", "flush-forgotten"),
            Catch("protects-without-flush", "flush-not-owed"),
            Catch("protects-for-now", "left-writable"),
            Catch("clears-last-flush-only", "flush-forgotten"),
            Catch("clears-no-dirty-flags", "left-dirty"),
        ),
    ),
)
