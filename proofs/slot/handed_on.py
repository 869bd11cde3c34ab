"""What is to be done to a range of frames, or to a list of what maps one, is handed on whole."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.frame_handlers import FrameHandler
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.terms import all_of, iff, negate

_GONE = "KVM: no SPTE may outlive the memory of the host that it maps"
_FLUSHES = "KVM: what an SPTE no longer allows is flushed before the lock is given up"


def _handled(kvm: Kvm, handler: FrameHandler) -> Claim:
    made, name = kvm.frame_handlers.handled(handler), f"{handler.value}()"
    return never(
        given(shown=(Shown("an SPTE has changed", made.changed),), evidence=made.evidence, part=name),
        Wrong("list-left", negate(made.done), f"{name} leaves what maps the frame as it is.").told(
            "the SPTEs stay as they are", "KVM: the handler of a walk through a slot does it to each list"
        ),
        Wrong(
            "untold", all_of(made.changed, negate(made.answer)), f"{name} does not tell that an SPTE has changed."
        ).told("no flush is due", _FLUSHES),
    )


def _zapped(kvm: Kvm) -> Iterator[Claim]:
    made, name = kvm.frame_handlers.zapped(), "__kvm_rmap_zap_gfn_range()"
    if made is None:
        return
    yield never(
        given(
            shown=(Shown("the lock may be given up", made.may_yield), Shown("a flush is due", made.due)),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "range-cut-short",
            negate(all_of(made.whole, *made.levels)),
            f"{name} leaves frames of the range, or pages of a size, mapped.",
        ).told("they stay mapped", _GONE),
        Wrong(
            "flush-lost",
            negate(all_of(made.keeps_flush, iff(made.answer, made.due))),
            f"{name} loses a flush that is due, or does not answer whether one is.",
        ).told("no flush is due", _FLUSHES),
        Wrong(
            "unflushed", all_of(made.yields, negate(made.flushes)), f"{name} gives the lock up while a flush is due."
        ).told("no flush before", _FLUSHES),
        Wrong(
            "yields-unasked",
            all_of(made.yields, negate(made.may_yield)),
            f"{name} gives the lock up where it has to be kept.",
        ).told("the lock is given up", "KVM: some notifiers may not block"),
    )


def _protected(kvm: Kvm) -> Claim:
    made, name = kvm.frame_handlers.protected(), "kvm_vcpu_write_protect_gfn()"
    return never(
        given(shown=(Shown("an SPTE has changed", made.changed),), evidence=made.evidence, part=name),
        Wrong(
            "left-writable",
            negate(all_of(made.own_slot, made.done)),
            f"{name} leaves the frame writable through some page, or protects another.",
        ).told("another slot, frame or level", "KVM: a table that is shadowed and in sync is not writable"),
        Wrong(
            "untold", all_of(made.changed, negate(made.answer)), f"{name} does not tell that an SPTE has changed."
        ).told("no flush is due", _FLUSHES),
    )


def _handed_on(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for handler in FrameHandler:
        yield _handled(kvm, handler)
    yield from _zapped(kvm)
    yield _protected(kvm)


THEOREMS = (
    Theorem(
        name="slot.handed-on",
        claim="What a walk through a slot does to each list is done to all of the list, and told. Where a range of "
        "frames is taken away, all its frames are, at each level. A flush that is due stays due, or is made before the "
        "lock is given up. A frame is write-protected for a vCPU in the slot that it sees, from level 1 on.",
        source="KVM: no SPTE may outlive the memory of the host that it maps",
        assumes=(
            "what the walk does is loop.slot-walk and flush.slot-walk; what is on a list is stored.listed",
            "where the range is handed on by callers alone, those are judged by slot.gone",
        ),
        state=several(_handed_on),
        catches=(
            Catch("handed-on-untold", "untold"),
            Catch("handed-on-without-last", "range-cut-short"),
            Catch("handed-on-without-hugest", "range-cut-short"),
            Catch("handed-on-flush-lost", "flush-lost"),
            Catch("handed-on-unflushed", "unflushed"),
            Catch("handed-on-small-writable", "left-writable"),
        ),
    ),
)
