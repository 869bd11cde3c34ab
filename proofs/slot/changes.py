"""Slots that come and go: what is noted of a new one, and all that goes with an old one."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.slot_changes import ROOM, TablesGone
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, bv, eq, implies, ite, ne, negate, slt, ult

_FRAMES, _BITS, _PAGE_SHIFT = 1 << 52, 9, 12
_LEVELS = (2, 3)


def _arrays(kvm: Kvm, level: int) -> Claim:
    made, name = kvm.slot_changes.arrays(level), "kvm_alloc_memslot_metadata()"
    shift = (level - 1) * _BITS
    low, last = (1 << shift) - 1, made.base + made.pages
    needed = ((last - 1) >> shift) - (made.base >> shift) + 1
    apart = ne((made.base ^ (made.address >> _PAGE_SHIFT)) & low, 0)

    def forbids(number: int) -> Bool:
        """Whether a page would reach out of the slot, or the host cannot have it."""
        head = ne(made.base & low, 0) if number == 0 else FALSE
        tail = all_of(eq(needed - 1, number), ne(last & low, 0))
        return any_of(apart, head, tail)

    huge = any_of(
        *(
            all_of(ult(bv(each, 64), needed), forbids(each), negate(forbidden))
            for each, forbidden in enumerate(made.forbidden)
        )
    )
    small = any_of(
        *(
            all_of(ult(bv(each, 64), needed), forbidden, negate(forbids(each)))
            for each, forbidden in enumerate(made.forbidden)
        )
    )
    return never(
        given(
            Assumption(
                "a slot has frames, of at most 52 bits", all_of(ult(made.base, _FRAMES), ult(made.pages - 1, _FRAMES))
            ),
            Assumption(
                f"a slot touches at most {ROOM} huge pages, and of smaller ones more only if none of them is forbidden",
                made.small,
            ),
            shown=(
                Shown("slot.base_gfn", made.base),
                Shown("slot.npages", made.pages),
                Shown("slot.userspace_addr", made.address),
            ),
            evidence=made.evidence,
            part=f"level {level}",
        ),
        Wrong(
            "no-array",
            all_of(made.succeeds, negate(all_of(made.put, eq(made.length, needed)))),
            f"{name} makes a slot without an array for this level, or with one of another length.",
        ).told("no array, or another length", "KVM: slot.index: an entry for each huge page that the slot touches"),
        Wrong(
            "huge-across-slot",
            all_of(made.succeeds, made.put, huge),
            f"{name} lets a page be huge that reaches out of the slot, or that is not aligned to it in the host.",
        ).told(
            "frames outside of the slot, or of other memory, would be mapped",
            "KVM's comment in it: disable large page support if not aligned with respect to each other",
        ),
        Wrong(
            "small-for-nothing", all_of(made.succeeds, made.put, small), f"{name} forbids a huge page that fits."
        ).told("small pages", "KVM: only what reaches out of the slot, or is not aligned, is forbidden"),
        Wrong(
            "no-lists",
            all_of(made.succeeds, made.has_rmaps, negate(made.makes_rmaps)),
            f"{name} makes a slot without lists of what maps its frames, or with too few.",
        ).told("no lists", "KVM: kvm_memslots_have_rmaps()"),
    )


def _gone(kvm: Kvm) -> Claim:
    made, name = kvm.slot_changes.gone(), "kvm_arch_flush_shadow_memslot()"
    return never(
        given(
            shown=(Shown("all pages are given up", made.all_given_up),),
            evidence=made.evidence,
            part="the slot's frames",
        ),
        Wrong(
            "left-behind",
            negate(any_of(made.all_given_up, all_of(made.range_taken, made.tables_taken))),
            f"{name} leaves something that maps a frame of the slot, or shadows a table in it.",
        ).told("it stays when the slot has gone", "KVM's comment at it: nothing of a slot that is deleted may be used"),
        Wrong(
            "half-given-up",
            all_of(made.all_given_up, negate(made.ended)),
            f"{name} leaves roots behind that are given up, with all below them.",
        ).told("they stay when the slot has gone", "KVM's comment in __kvm_mmu_zap_all_fast_back_half()"),
    )


def _tables(made: TablesGone) -> Claim:
    name, more = "kvm_mmu_zap_memslot_pages_and_flush()", ult(made.number, made.pages)
    return never(
        given(
            shown=(
                Shown("slot.npages", made.pages),
                Shown("number of the frame", made.number),
                Shown("a flush is due", made.due),
                Shown("the lock is given up", made.yields),
            ),
            evidence=made.evidence,
            part="tables in the slot",
        ),
        Wrong(
            "frame-left-out",
            any_of(
                ne(made.first, 0),
                all_of(negate(made.none), more, negate(made.looks)),
                all_of(made.goes_on, ne(made.after, made.number + 1)),
            ),
            f"{name} leaves a frame of the slot out.",
        ).told(
            "what shadows a table in it stays",
            "KVM's comment in it: all pages that shadow must be zapped before the memslot is deleted",
        ),
        Wrong(
            "table-left",
            all_of(made.looks, made.page.shadows, negate(made.given_up)),
            f"{name} leaves a page that shadows a table in the slot.",
        ).told("the page stays", "KVM's comment in it"),
        Wrong(
            "yields-unflushed",
            all_of(made.yields, negate(made.flushed_between)),
            f"{name} gives the lock up with a flush due, or pages that wait for one.",
        ).told("no flush", "KVM: what is changed is flushed before mmu_lock is given up"),
        Wrong(
            "ends-unflushed",
            all_of(made.ends, negate(made.none), negate(made.flushed_after)),
            f"{name} ends with a flush due, or pages that wait for one.",
        ).told("no flush", "KVM: what is changed is flushed before mmu_lock is given up"),
    )


def _zapped(kvm: Kvm) -> Claim:
    made, name = kvm.slot_changes.zapped(), "kvm_rmap_zap_gfn_range()"
    last = made.base + made.pages
    first, behind = ite(ult(made.base, made.start), made.start, made.base), ite(ult(made.end, last), made.end, last)
    return never(
        given(
            Assumption(
                "a slot has frames, of at most 52 bits", all_of(ult(made.base, _FRAMES), ult(made.pages - 1, _FRAMES))
            ),
            Assumption(
                "what is found are slots with frames of the range",
                implies(made.there, all_of(ult(made.base, made.end), ult(made.start, last))),
            ),
            Assumption("the range has frames", ult(made.start, made.end)),
            Assumption("an address space has a number from 0 on", negate(slt(made.space, bv(0, 32)))),
            shown=(
                Shown("number of the address space", made.space),
                Shown("address spaces", made.spaces),
                Shown("first frame of the range", made.start),
                Shown("frame after its last", made.end),
                Shown("slot.base_gfn", made.base),
                Shown("slot.npages", made.pages),
            ),
            evidence=made.evidence,
            part="a range of frames",
        ),
        Wrong(
            "space-left-out",
            any_of(
                all_of(made.needed, ne(made.first_space, 0)),
                all_of(made.needed, slt(made.space, made.spaces), negate(made.looks)),
                all_of(made.next_space, ne(made.space_after, made.space + 1)),
            ),
            f"{name} leaves an address space out, or slots of one.",
        ).told("SPTEs of system-management mode stay", "KVM: the range goes in each address space"),
        Wrong(
            "frames-left",
            all_of(made.there, negate(all_of(made.zaps, eq(made.zap_start, first), eq(made.zap_end, behind)))),
            f"{name} leaves frames of a slot that are in the range, or takes others away.",
        ).told("other frames than those of both", "KVM's comment at kvm_zap_gfn_range(): from gfn_start up to gfn_end"),
        Wrong(
            "flush-forgotten",
            any_of(
                all_of(made.zaps, negate(all_of(made.told_due, made.due_kept))),
                all_of(made.needed, negate(made.answer_due)),
            ),
            f"{name} forgets that a flush is due.",
        ).told("no flush", "KVM: whoever asks flushes by the answer"),
    )


def _made(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield from (_arrays(kvm, level) for level in _LEVELS)


def _goes(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield _gone(kvm)
    tables = kvm.slot_changes.tables_gone()
    if tables is not None:
        yield _tables(tables)
    yield _zapped(kvm)


THEOREMS = (
    Theorem(
        name="slot.made",
        claim="A new slot has, for each level of huge pages, an array with an entry for each that it touches. A page "
        "is forbidden that reaches out of the slot; all are where the slot's frames are not aligned to its addresses "
        "as the level asks. No other is. Lists of what maps its frames are made where they are needed.",
        source="KVM's comments in kvm_alloc_memslot_metadata()",
        assumes=("a slot with more huge pages than are looked at has others that are like those in the middle",),
        state=several(_made),
        catches=(
            Catch("slot-head-huge", "huge-across-slot"),
            Catch("slot-unaligned-huge", "huge-across-slot"),
            Catch("slot-unaligned-gigabyte", "huge-across-slot"),
        ),
    ),
    Theorem(
        name="slot.gone",
        claim="With a slot goes all that maps a frame of it, private or not, and each page that shadows a table in "
        "it. If all pages are given up instead, that is done to its end. Where a range of frames is taken away it goes "
        "in each slot of each address space. No flush that is due is lost.",
        source="KVM's comments in kvm_mmu_zap_memslot_pages_and_flush(), __kvm_mmu_zap_all_fast_back_half() and at "
        "kvm_zap_gfn_range()",
        assumes=(
            "what is found of a range are slots with frames of it: kvm_memslot_iter_start() and "
            "kvm_memslot_iter_is_valid()",
            "a range has frames: kvm_zap_gfn_range() warns of others",
        ),
        state=several(_goes),
        catches=(
            Catch("slot-gone-half", "half-given-up"),
            Catch("slot-gone-last-frame", "left-behind"),
            Catch("slot-gone-last-table", "frame-left-out"),
            Catch("zap-one-space", "space-left-out"),
            Catch("zap-before-end", "frames-left"),
        ),
    ),
)
