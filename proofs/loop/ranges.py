"""What a round of the loops does that change the entries of a range, which other CPUs may change too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.range_rounds import ChangeTold, EntryRound, RangeRounds
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bit, bv, eq, implies, ite, ne, negate, ule, ult

_LEVELS, _SMALL, _LARGEST = 5, 1, 3
_MASKED, _HIGHEST, _ENTRIES = 64, 1 << 40, 512
_WRITABLE, _MAPS_PAGE, _DIRTY = 1, 7, (6, 9)
"""Bits of an entry of EPT or of nested paging: SDM table 31-3, APM 5.4.1."""


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What a loop is for.

    Attributes:
        when: the entry is to be changed.
        new: what it is to hold then.
        first_gfn: where the walk has to begin.
        lowest: the lowest level that it has to come to.
        later: it is not to be changed in this round, but when the walk comes to it again, or never.
        apart: what is said of the entry in a part of its own.
        last: nothing is left to be changed behind the entry once it is as it is to be.
        shown: what a counterexample shows besides.
    """

    when: Bool
    new: BitVec
    first_gfn: BitVec
    lowest: BitVec
    later: Bool = FALSE
    apart: Bool = FALSE
    last: Bool = FALSE
    shown: tuple[Shown, ...] = ()


def _claim(made: EntryRound, wanted: _Wanted, *assumptions: Assumption, more: Sequence[Symptom] = ()) -> Claim:
    name = f"{made.function}()"
    here = all_of(made.in_range, negate(made.yielded))
    moved_on = all_of(here, made.goes_on, negate(made.again), negate(made.changes))
    ends = all_of(wanted.last, any_of(made.changes, negate(wanted.when)))
    stops = all_of(made.in_range, negate(made.goes_on), negate(made.again), negate(ends))
    return never(
        given(
            Assumption("there is a walk", made.enters),
            Assumption("the walk stands at one of five levels", ult(made.level - 1, _LEVELS)),
            Assumption("it does not go below its lowest level", ule(made.lowest, made.level)),
            *assumptions,
            shown=(
                Shown("level of the walk", made.level),
                Shown("gfn of the walk", made.gfn),
                Shown("SPTE", made.spte, kind=NumberKind.SPTE),
                Shown("stored", made.new, kind=NumberKind.SPTE),
                *wanted.shown,
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "begins-elsewhere",
            any_of(ne(made.first_gfn, wanted.first_gfn), ne(made.lowest, wanted.lowest)),
            f"{name} does not walk its range, or not down to the level that it is for.",
        ).told("another walk", "KVM: from the first frame of the range on, down to the lowest level that is asked for"),
        Wrong(
            "another-entry",
            all_of(made.changes, made.elsewhere),
            f"{name} changes another entry than that of its walk.",
        ).told("another entry", "KVM: the entry of the walk"),
        Wrong(
            "changes-another",
            all_of(made.changes, negate(wanted.apart), negate(all_of(here, wanted.when))),
            f"{name} changes an entry that it is not for, that is not of the range, or that may be another by now.",
        ).told("the entry changes", "KVM's comment at the function"),
        Wrong(
            "another-value",
            all_of(made.changes, ne(made.new, wanted.new)),
            f"{name} changes more of an entry than it is for, or less.",
        ).told("another value", "KVM's comment at the function"),
        Wrong(
            "leaves-one",
            any_of(all_of(moved_on, wanted.when, negate(wanted.later)), all_of(stops, negate(wanted.later))),
            f"{name} leaves an entry of the range as it is that it is to change.",
        ).told("the entry stays", "KVM: all entries of the range that the function is for"),
        Wrong(
            "lost-race",
            all_of(made.changes, made.failed, negate(made.again)),
            f"{name} goes on after another CPU has changed the entry first, without looking at it again.",
        ).told("the entry stays", "KVM's comment at tdp_mmu_set_spte_atomic(): the caller decides what to do then"),
        *more,
    )


def _tells(made: EntryRound, told: ChangeTold) -> Claim:
    name = f"{made.function}()"
    changed = any_of(told.before, all_of(made.changes, negate(made.failed)))
    return never(
        given(
            shown=(
                Shown("changed before", told.before),
                Shown("changes", made.changes),
                Shown("another CPU was first", made.failed),
            ),
            evidence=made.evidence,
            part=f"{name}, what it tells",
        ),
        Wrong(
            "flush-forgotten",
            any_of(all_of(told.goes_on, changed, negate(told.after)), all_of(told.ends, changed, negate(told.answer))),
            f"{name} does not tell its caller that it has changed an entry.",
        ).told("no flush is due", "KVM's comment at the function: true if an SPTE was changed"),
    )


def _flag_of_hardware(dirty_mask: BitVec) -> Assumption:
    flags = (0, *(1 << number for number in _DIRTY))
    return Assumption("shadow_dirty_mask is a dirty flag, or none", any_of(*(eq(dirty_mask, flag) for flag in flags)))


def _frames(rounds: RangeRounds, leaf: Callable[[EntryRound], Bool]) -> Claim:
    """What clears the dirty flags of the frames that a mask names."""
    clear = rounds.clear_dirty_frames()
    entry = clear.entry
    name = f"{entry.function}()"
    skipped, number = entry.first_gfn - clear.gfn, entry.gfn - clear.gfn
    small = all_of(eq(entry.level, _SMALL), ult(number, _MASKED))
    own = ite(small, bv(1, 64) << number, bv(0, 64))
    flag = ite(clear.protects, bv(1 << _WRITABLE, 64), clear.dirty_mask)
    behind = ite(small, clear.mask & -own & ~own, clear.mask)
    passes_over = any_of(ule(bv(_MASKED, 64), skipped), ne(clear.asked & ((bv(1, 64) << skipped) - 1), 0))
    lost = any_of(
        ne(clear.mask_at_first, clear.asked), all_of(clear.goes_on, ne(clear.mask_after | own, clear.mask | own))
    )
    return _claim(
        entry,
        _Wanted(
            when=all_of(leaf(entry), ne(clear.mask & own, 0), ne(entry.spte & flag, 0)),
            new=entry.spte & ~flag,
            # Where it may begin is said below.
            first_gfn=entry.first_gfn,
            lowest=bv(_SMALL, 32),
            last=eq(behind, 0),
            shown=(
                Shown("gfn", clear.gfn),
                Shown("mask", clear.asked),
                Shown("mask that is left", clear.mask),
                Shown("mask that is left afterwards", clear.mask_after),
                Shown("wrprot", clear.wrprot),
                Shown("write-protects", clear.protects),
                Shown("shadow_dirty_mask", clear.dirty_mask),
            ),
        ),
        _flag_of_hardware(clear.dirty_mask),
        Assumption("some frame is asked for", ne(clear.asked, 0)),
        Assumption(
            "an entry above level 1 begins at a multiple of 512 frames",
            any_of(eq(entry.level, _SMALL), eq(entry.gfn & _ENTRIES - 1, 0)),
        ),
        Assumption(
            "small pages of the walk are not before where it begins",
            implies(eq(entry.level, _SMALL), all_of(ule(clear.gfn, entry.gfn), ule(entry.first_gfn, entry.gfn))),
        ),
        Assumption("the frames of the mask are such as 52 bits of an address name", ult(clear.gfn, _HIGHEST)),
        more=(
            Wrong("passes-over", passes_over, f"{name} begins its walk behind a frame that is asked for.").told(
                "another frame", "KVM: the first frame whose bit is set"
            ),
            Wrong("frame-lost", lost, f"{name} forgets a frame that it has not come by yet, or takes up another.").told(
                "another mask", "KVM: the bit of the frame that it has come by is cleared, and no other"
            ),
        ),
    )


def _spares_tables(made: EntryRound, table: Bool) -> Claim:
    name = f"{made.function}()"
    return never(
        given(
            Assumption("the walk stands at one of five levels", ult(made.level - 1, _LEVELS)),
            shown=(
                Shown("level of the walk", made.level),
                Shown("SPTE", made.spte, kind=NumberKind.SPTE),
                Shown("stored", made.new, kind=NumberKind.SPTE),
            ),
            evidence=made.evidence,
            part=f"{name}, an entry that leads to a table",
        ),
        Wrong(
            "changes-a-table",
            all_of(made.changes, table),
            f"{name} changes an entry that leads to a table, which another CPU has put where a page was.",
        ).told("everything below is write-protected", "KVM's comment at the function: leaf SPTEs"),
    )


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    rounds, present_mask = kvm.range_rounds, kvm.constant("SPTE_MMU_PRESENT_MASK")

    def present(made: EntryRound) -> Bool:
        return ne(made.spte & present_mask, 0)

    def leaf(made: EntryRound) -> Bool:
        return all_of(present(made), any_of(eq(made.level, _SMALL), bit(made.spte, _MAPS_PAGE)))

    protect = rounds.write_protect()
    entry = protect.entry
    yield _claim(
        entry,
        _Wanted(
            when=all_of(leaf(entry), bit(entry.spte, _WRITABLE)),
            new=entry.spte & ~(1 << _WRITABLE),
            first_gfn=protect.start,
            lowest=protect.min_level,
            shown=(Shown("min_level", protect.min_level),),
        ),
    )
    yield _tells(entry, protect.told)
    frame = rounds.write_protect_frame()
    entry = frame.entry
    bits = (1 << _WRITABLE) | frame.mmu_writable
    yield _claim(
        entry,
        _Wanted(
            when=all_of(leaf(entry), ne(entry.spte & bits, 0)),
            new=entry.spte & ~bits,
            first_gfn=frame.gfn,
            lowest=frame.min_level,
            # A frame has one page.
            last=leaf(entry),
            shown=(Shown("min_level", frame.min_level), Shown("shadow_mmu_writable_mask", frame.mmu_writable)),
        ),
        Assumption(
            "what marks a page as MMU-writable is a bit that nothing else means, by layout.disjoint",
            all_of(
                ne(frame.mmu_writable, 0), eq(frame.mmu_writable & (present_mask | 1 << _WRITABLE | 1 << _MAPS_PAGE), 0)
            ),
        ),
    )
    yield _tells(entry, frame.told)
    clear = rounds.clear_dirty()
    entry = clear.entry
    table = all_of(present(entry), negate(leaf(entry)))
    flag = ite(clear.protects, bv(1 << _WRITABLE, 64), clear.dirty_mask)
    yield _claim(
        entry,
        _Wanted(
            when=all_of(leaf(entry), ne(entry.spte & flag, 0)),
            new=entry.spte & ~flag,
            first_gfn=clear.start,
            lowest=bv(_SMALL, 32),
            apart=table,
            shown=(Shown("write-protects", clear.protects), Shown("shadow_dirty_mask", clear.dirty_mask)),
        ),
    )
    yield _spares_tables(entry, table)
    yield _frames(rounds, leaf)
    zap = rounds.zap_root()
    entry = zap.entry
    yield _claim(
        entry,
        _Wanted(
            when=all_of(present(entry), ule(entry.level, zap.zap_level)),
            new=bv(kvm.constant("SHADOW_NONPRESENT_VALUE") if kvm.has(Feature.NONPRESENT_VALUE) else 0, 64),
            first_gfn=bv(0, 64),
            lowest=zap.zap_level,
            shown=(Shown("zap_level", zap.zap_level),),
        ),
        Assumption("entries of one of five levels are to be taken away", ult(zap.zap_level - 1, _LEVELS)),
    )
    split = rounds.split()
    entry = split.entry
    yield _claim(
        entry,
        _Wanted(
            when=all_of(present(entry), bit(entry.spte, _MAPS_PAGE)),
            new=bv(0, 64),
            first_gfn=split.start,
            lowest=split.target_level + 1,
            later=all_of(split.without_page, any_of(split.looks_again, negate(entry.goes_on))),
            shown=(Shown("target_level", split.target_level), Shown("no page for a table", split.without_page)),
        ),
        Assumption("pages are split down to one of two levels", ult(split.target_level - 1, _LARGEST - 1)),
        more=(
            Wrong(
                "unprepared",
                all_of(split.unprepared, negate(kvm.stores.tdp_split().prepares)),
                f"{entry.function}() splits a page into a table whose page of SPTEs has no role and frame for it.",
            ).told("the page is not set up", "KVM: a page's role says what its entries may grant, and at which level"),
        ),
    )
    recover = rounds.recover()
    entry = recover.entry
    inside = all_of(ule(recover.base_gfn, entry.gfn), ult(entry.gfn, recover.base_gfn + recover.npages))
    yield _claim(
        entry,
        _Wanted(
            when=all_of(
                present(entry),
                negate(leaf(entry)),
                ule(entry.level, _LARGEST),
                inside,
                ule(entry.level, recover.max_level),
                recover.made,
            ),
            new=recover.huge_spte,
            first_gfn=recover.base_gfn,
            lowest=bv(_SMALL + 1, 32),
            shown=(
                Shown("slot.base_gfn", recover.base_gfn),
                Shown("slot.npages", recover.npages),
                Shown("largest level that may be mapped", recover.max_level),
            ),
        ),
        Assumption("the largest level that may be mapped is one of three", ult(recover.max_level - 1, _LARGEST)),
    )


THEOREMS = (
    Theorem(
        name="loop.range",
        claim="A round of a loop of the TDP MMU changes an entry exactly if it is one of the range that the "
        "loop is for, and only in what it is for. The loops write-protect a range or a frame, and clear the dirty "
        "flags of a range or of the frames that a mask names. They take a root's entries away, split huge pages, or "
        "make room for them. Where another CPU has changed the entry first, the round begins anew with what is "
        "there then. Who write-protects tells its caller of every change.",
        source="KVM's comments at wrprot_gfn_range(), write_protect_gfn(), clear_dirty_gfn_range(), "
        "kvm_tdp_mmu_clear_dirty_pt_masked(), __tdp_mmu_zap_root(), tdp_mmu_split_huge_pages_root() and "
        "recover_huge_pages_range(), and at tdp_mmu_set_spte_atomic()",
        assumes=(
            "the walk goes through all entries from where it begins, by loop.iterator, and again to one at which it "
            "has given way, by loop.iterator-start",
            "a range reaches above level 3 only if it is asked for; KVM_BUG_ON() in wrprot_gfn_range() says so",
        ),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=several(_state),
        catches=(
            Catch("wrprot-loses-races", "lost-race"),
            Catch("clear-dirty-tables", "changes-a-table"),
            Catch("zap-root-spares-level", "leaves-one"),
            Catch("split-passes-by", "leaves-one"),
            Catch("split-unprepared", "unprepared"),
            Catch("recover-before-slot", "changes-another"),
            Catch("masked-spares-last", "leaves-one"),
            Catch("masked-protects-unasked", "changes-another"),
            Catch("frame-stays-mmu-writable", "another-value"),
            Catch("frame-untold", "flush-forgotten"),
        ),
    ),
)
