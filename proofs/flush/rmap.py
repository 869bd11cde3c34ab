"""SPTEs of one frame that are write-protected together: each of them, and what TLBs still have of them."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.terms import all_of, negate

_NAME = "rmap_write_protect()"
_FLUSHES = "KVM: what an SPTE no longer allows is flushed before its lock is let go"


def _protected(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    made = kvm.reverse_maps.write_protected()
    yield never(
        given(
            shown=(
                Shown("there is an SPTE", made.here),
                Shown("it was writable", made.owes),
                Shown("a flush was due before", made.due),
            ),
            evidence=made.evidence,
            part=_NAME,
        ),
        Wrong(
            "left-writable",
            all_of(made.here, negate(all_of(made.changes, made.as_asked))),
            f"{_NAME} passes an SPTE of the frame over, or leaves it such that it may become writable.",
        ).told("the SPTE stays as it is", "KVM: all that maps the frame is write-protected"),
        Wrong(
            "flush-forgotten",
            all_of(made.here, made.due, negate(made.due_after)),
            f"{_NAME} forgets at an SPTE the flush that one before it owes.",
        ).told("no flush is due any more", _FLUSHES),
        Wrong(
            "flush-not-owed",
            all_of(made.here, made.owes, negate(made.due_after)),
            f"{_NAME} does not ask for a flush of an SPTE that was writable.",
        ).told("no flush is due", _FLUSHES),
        Wrong("another-answer", negate(made.answer), f"{_NAME} does not answer whether a flush is due.").told(
            "another answer", _FLUSHES
        ),
    )


THEOREMS = (
    Theorem(
        name="flush.rmap",
        claim="Where all SPTEs of a frame are write-protected, each of them is, as it is asked for. The answer is that "
        "a flush is due if one of them was writable.",
        source="KVM: what an SPTE no longer allows is flushed before its lock is let go",
        assumes=(
            "which SPTEs are on the list is any answer: stored.listed says what is put on it",
            "each that is on it is met: stored.list-walk",
        ),
        state=several(_protected),
        catches=(
            Catch("protects-first-flush-only", "flush-forgotten"),
            Catch("protects-without-flush", "flush-not-owed"),
            Catch("protects-for-now", "left-writable"),
        ),
    ),
)
