"""Where the host takes memory away, what maps it goes with it, and faults meanwhile are told."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.host_ranges import PAGE_SHIFT, SLOTS, HostRangeGone, SlotInRange
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool, all_of, any_of, bv, eq, implies, ne, negate, ule, ult, var

_MOST_ACTIVE = 1 << 32
_NO_RANGE = bv(-1, 64)
_PAGE = var("a page of a slot", 64)
_BEGINS = "kvm_mmu_notifier_invalidate_range_start()"
_NOTIFIER = "Linux: mmu_notifier_ops.invalidate_range_start(), after which nobody may use the memory"
_RETRY = "KVM: a fault that has found its page before the memory went away begins anew"


def _reaches(made: HostRangeGone, slot: SlotInRange) -> Assumption:
    lies = slot.lies
    return Assumption(
        "the range reaches each of the slots",
        all_of(
            ne(lies.pages, 0), ult(made.start, lies.address + (lies.pages << PAGE_SHIFT)), ult(lies.address, made.end)
        ),
    )


def _assumed(made: HostRangeGone) -> Iterator[Assumption]:
    yield Assumption("the range is of userspace, and not empty", _is_range(made))
    for slot in made.slots:
        yield _reaches(made, slot)
    yield Assumption("not so many ranges go away at once", ult(made.before.active, bv(_MOST_ACTIVE, 64)))


def _is_range(made: HostRangeGone) -> Bool:
    return all_of(ult(made.start, made.end), ult(made.end, bv(1 << 57, 64)))


def _unmapped(made: HostRangeGone, slot: SlotInRange, part: str) -> Iterator[Claim]:
    """That each page of a slot of which something goes away is unmapped, and nothing beyond the slot."""
    page = slot.lies.address + (_PAGE << PAGE_SHIFT)
    first, behind = slot.first - slot.lies.base, slot.behind - slot.lies.base
    gone = all_of(slot.seen, ult(_PAGE, slot.lies.pages))
    shown = (
        Shown("range->start", made.start),
        Shown("range->end", made.end),
        Shown("userspace_addr of the slot", slot.lies.address),
        Shown("a page of it", _PAGE),
    )

    def claim(end: str, left: Bool, outside: Bool) -> Claim:
        return never(
            given(*_assumed(made), shown=shown, evidence=made.evidence, part=f"{part}: {end}"),
            Wrong(
                "left-mapped",
                all_of(gone, negate(all_of(slot.unmapped, negate(left)))),
                f"{_BEGINS} leaves a page mapped that the host takes away.",
            ).told("the page stays mapped", _NOTIFIER),
            Wrong(
                "outside-slot",
                all_of(slot.unmapped, outside),
                f"{_BEGINS} has frames unmapped that are none of the slot's.",
            ).told("frames beyond the slot", "KVM: the lists of a slot are as many as its frames"),
        )

    before_start = all_of(ult(made.start, page + (1 << PAGE_SHIFT)), ult(_PAGE, first))
    behind_end = all_of(ult(page, made.end), ule(behind, _PAGE))
    yield claim("its first pages", before_start, ult(slot.lies.pages, first))
    yield claim("its last pages", behind_end, ult(slot.lies.pages, behind))


def _is_noted(made: HostRangeGone) -> Bool:
    """Whether faults are told of all that goes away, now and before."""
    after, before = made.after, made.before
    new = (
        all_of(ule(after.first, made.start), ule(made.end, after.behind))
        if made.by_address
        else all_of(
            *(
                implies(slot.unmapped, all_of(ule(after.first, slot.first), ule(slot.behind, after.behind)))
                for slot in made.slots
            )
        )
    )
    earlier = all_of(ne(before.active, 0), ne(before.first, _NO_RANGE))
    return all_of(new, implies(earlier, all_of(ule(after.first, before.first), ule(before.behind, after.behind))))


def _begins(kvm: Kvm) -> Iterator[Claim]:
    made, name = kvm.host_ranges.begins(), _BEGINS
    for number, slot in enumerate(made.slots):
        yield from _unmapped(made, slot, f"{name}, address space {number // SLOTS}")
    due = any_of(*(slot.due for slot in made.slots))
    waits = any_of(*(all_of(slot.unmapped, slot.may_yield) for slot in made.slots))
    yield never(
        given(
            *_assumed(made),
            shown=(
                Shown("range->start", made.start),
                Shown("range->end", made.end),
                Shown("a flush is due", due),
                Shown("ranges that go away already", made.before.active),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong("unflushed", all_of(due, negate(made.flushed)), f"{name} does not flush what it has unmapped.").told(
            "no flush", _NOTIFIER
        ),
        Wrong("untold", negate(_is_noted(made)), f"{name} does not tell faults of all that goes away.").told(
            "a fault maps the page again", _RETRY
        ),
        Wrong(
            "uncounted", ne(made.after.active, made.before.active + 1), f"{name} does not count that memory goes away."
        ).told("a fault maps the page again", _RETRY),
        Wrong(
            "waits", all_of(waits, negate(made.blocks)), f"{name} gives the lock up where its caller may not wait."
        ).told("it waits", "Linux: mmu_notifier_range_blockable()"),
    )


def _ends(kvm: Kvm) -> Claim:
    made, name = kvm.host_ranges.ends(), "kvm_mmu_notifier_invalidate_range_end()"
    counted = Assumption("a range goes away", ne(made.before.active, 0))
    return never(
        given(
            *_assumed(made),
            counted,
            shown=(Shown("ranges that go away", made.before.active),),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "sequence-kept",
            eq(made.after.sequence, made.before.sequence),
            f"{name} lets faults map what they have found before the memory went away.",
        ).told("the sequence is the same", _RETRY),
        Wrong(
            "uncounted",
            ne(made.after.active, made.before.active - 1),
            f"{name} does not count that the memory has gone.",
        ).told("faults are kept away, or let in too early", _RETRY),
    )


def _host_ranges(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield from _begins(kvm)
    yield _ends(kvm)


THEOREMS = (
    Theorem(
        name="slot.host-range",
        claim="Where the host takes memory away, all its pages are unmapped in each slot of each address space, and "
        "flushed. Faults are told of them, and of all else that goes away, until the memory has gone.",
        source=_NOTIFIER,
        assumes=(
            "the host's tree finds each slot that a range of addresses reaches, and no other",
            "what is done to the frames of a slot is slot.gone and flush.range; that faults heed what they are told is "
            "fault.out-of-date",
        ),
        state=several(_host_ranges),
        catches=(
            Catch("host-range-short", "left-mapped"),
            Catch("host-range-one-space", "left-mapped"),
            Catch("host-range-unflushed", "unflushed"),
            Catch("host-range-not-joined", "untold"),
            Catch("host-range-waits", "waits"),
            Catch("host-range-sequence-kept", "sequence-kept"),
        ),
    ),
)
