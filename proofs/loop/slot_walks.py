"""Walks through a slot: each list of each level once, and no flush that is due is lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from mmuproof.model.kvm import Kvm
from mmuproof.model.slot_walks import SlotWalkRound
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, eq, negate, ule, ult

_FRAMES, _HUGEST = 1 << 52, 3
_LEVELS = "a list is of one of three levels"
_WALKS = "KVM: for_each_slot_rmap_range() visits each list of a range, at each level"


def _begun(kvm: Kvm) -> Claim:
    made, name = kvm.slot_walks.begun(), "slot_rmap_walk_init()"
    return never(
        given(evidence=made.evidence, part=name),
        Wrong(
            "begins-elsewhere",
            negate(all_of(made.at_first, made.to_last, made.as_told)),
            f"{name} begins the walk at another list than the first one, or keeps another range.",
        ).told("another list, level or frame", _WALKS),
    )


def _step(kvm: Kvm) -> Claim:
    made, name = kvm.slot_walks.step(), "slot_rmap_walk_next()"
    over = eq(made.level, made.last_level)
    return never(
        given(
            Assumption(_LEVELS, all_of(ult(made.level - 1, _HUGEST), ult(made.last_level - 1, _HUGEST))),
            Assumption("a walk is at no level above its last", ule(made.level, made.last_level)),
            shown=(
                Shown("level", made.level),
                Shown("last level", made.last_level),
                Shown("another list of the level has entries", made.more),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "list-passed-over", all_of(made.more, negate(made.at_next)), f"{name} passes over a list that has entries."
        ).told("the SPTEs of a frame are left out", _WALKS),
        Wrong(
            "another-frame",
            all_of(made.more, negate(made.frame_of_it)),
            f"{name} takes the walk's list for another frame's.",
        ).told("another frame", "KVM: the frame is that by which a range is flushed"),
        Wrong(
            "level-left-out",
            all_of(negate(made.more), negate(over), negate(made.anew)),
            f"{name} does not go on at the first list of the next level.",
        ).told("the lists of a level are left out", _WALKS),
        Wrong(
            "goes-on",
            all_of(negate(made.more), over, negate(made.ended)),
            f"{name} does not end behind the last level.",
        ).told("a list of no level", _WALKS),
        Wrong("ends-early", all_of(made.more, made.ended), f"{name} ends before the last list.").told(
            "lists are left out", _WALKS
        ),
    )


def _shown(made: SlotWalkRound) -> tuple[Shown, ...]:
    return (
        Shown("level", made.level),
        Shown("the walk's frame", made.gfn),
        Shown("first frame of the range", made.start),
        Shown("last frame", made.end),
        Shown("a flush is due from before", made.stale),
        Shown("something has changed", made.changes),
        Shown("the lock is given up", made.yields),
    )


def _round(kvm: Kvm) -> Claim:
    made, name = kvm.slot_walks.round(), "__walk_slot_rmaps()"
    due = any_of(made.stale, made.changes)
    return never(
        given(shown=_shown(made), evidence=made.evidence, part=name),
        Wrong(
            "list-left-out",
            all_of(made.here, negate(made.handled)),
            f"{name} does nothing to a list at which it is, or to one of another slot.",
        ).told("the SPTEs of a frame stay as they are", _WALKS),
        Wrong(
            "flush-forgotten",
            all_of(made.here, due, negate(any_of(made.stale_after, made.flushed))),
            f"{name} forgets that a flush is due.",
        ).told("no flush", "KVM's comment at slot_rmaps_handler: the value says whether a flush is needed"),
        Wrong(
            "yields-unflushed",
            all_of(made.yields, made.flushes_first, due, negate(made.flushed)),
            f"{name} gives the lock up with a flush due.",
        ).told("others see what is changed, and TLBs do not", "KVM: flush_on_yield"),
        Wrong(
            "yields-unasked",
            all_of(made.yields, negate(made.may_yield)),
            f"{name} gives the lock up where it has to be kept.",
        ).told("the lock is given up", "KVM: can_yield"),
        Wrong("mistaken-answer", negate(made.stale_told), f"{name} does not say whether a flush is due.").told(
            "another answer", "KVM: whoever asks flushes by the answer"
        ),
    )


def _walks(kvm: Kvm, _vendor: Vendor) -> tuple[Claim, ...]:
    return _begun(kvm), _step(kvm), _round(kvm)


class _Which(Enum):
    """Of which flushes is claimed that their range has all that is due."""

    FIRST_LEVEL = ""
    ABOVE = "above the first level"
    BEFORE = "a flush that was due before the walk"


def _flushed(made: SlotWalkRound, which: _Which) -> Claim:
    name, before = "__walk_slot_rmaps()", which is _Which.BEFORE
    settled = all_of(made.flushed, negate(made.stale_after))
    enough = negate(TRUE) if before else _holds(made, made.end if which is _Which.ABOVE else made.gfn)
    assumed = {
        _Which.FIRST_LEVEL: Assumption("the walk is at small pages, its first level", eq(made.level, 1)),
        _Which.ABOVE: Assumption("the walk has left small pages behind", ult(made.start_level, made.level)),
        _Which.BEFORE: Assumption("a flush was due when the walk began", made.due_at_first),
    }
    return never(
        given(
            Assumption(
                "a walk is at its first level or above it, of three",
                all_of(ult(made.start_level - 1, _HUGEST), ule(made.start_level, made.level), ule(made.level, _HUGEST)),
            ),
            Assumption(
                "a walk is inside its range, of frames of at most 52 bits",
                all_of(ule(made.start, made.gfn), ule(made.gfn, made.end), ult(made.end, _FRAMES)),
            ),
            assumed[which],
            *([] if before else [Assumption("no flush was due when the walk began", negate(made.due_at_first))]),
            shown=_shown(made),
            evidence=made.evidence,
            part=which.value,
        ),
        Wrong(
            "changed-unflushed",
            all_of(settled, negate(enough)),
            f"{name} flushes fewer frames than may have changed, and takes the flush for done.",
        ).told(
            "frames that have changed are not flushed",
            "KVM: what the walk has changed before is flushed before the lock is given up",
            place="arch/x86/kvm/mmu/mmu.c:__walk_slot_rmaps",
        ),
    )


def _holds(made: SlotWalkRound, last: BitVec) -> Bool:
    """Whether the frames that are flushed are those from the range's first one to another."""
    return all_of(ule(made.first, made.start), ult(last - made.first, made.count))


def _flushes(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    # Single frames are flushed with TDP only; without it, all is flushed whatever the range.
    which = (_Which.FIRST_LEVEL,) if vendor is Vendor.SHADOW else tuple(_Which)
    yield from (_flushed(kvm.slot_walks.round(), each) for each in which)


THEOREMS = (
    Theorem(
        name="loop.slot-walk",
        claim="A walk through a slot comes to each list of SPTEs of its range that has entries, level after level, and "
        "does what it is for to each. It says of which frame a list is. That a flush is due is not forgotten, and the "
        "lock is given up only where that may be, after the flush where it is asked for.",
        source="KVM: for_each_slot_rmap_range(), and its comment at slot_rmaps_handler",
        assumes=("a list is of one of three levels, and the walk is at none above its last: slot.swept asks so",),
        state=several(_walks),
        catches=(
            Catch("slot-walk-without-last", "list-passed-over"),
            Catch("slot-walk-frame-of-4k", "another-frame"),
            Catch("slot-walk-to-first", "begins-elsewhere"),
            Catch("slot-walk-forgets-flush", "flush-forgotten"),
            Catch("slot-walk-yields-unflushed", "flush-forgotten"),
        ),
    ),
    Theorem(
        name="flush.slot-walk",
        claim="A walk through a slot may flush a range before it gives the lock up, and take nothing more for due. "
        "Then the range has all frames that may have changed: at the first level those up to its own. Above it those "
        "are all, for the levels below have been walked to their end. What was due before the walk is not lost either.",
        source="KVM: a flush that is due is done before mmu_lock is given up",
        assumes=("a walk is inside its range, of frames of at most 52 bits, at its first level or above",),
        state=several(_flushes),
        catches=(Catch("slot-walk-flushes-short", "changed-unflushed"),),
    ),
)
