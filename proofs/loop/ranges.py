"""What a round of the loops does that change the entries of a range, which other CPUs may change too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.range_rounds import EntryRound
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bit, bv, eq, ite, ne, negate, ule, ult

_LEVELS, _SMALL, _LARGEST = 5, 1, 3
_WRITABLE, _MAPS_PAGE = 1, 7
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
        shown: what a counterexample shows besides.
    """

    when: Bool
    new: BitVec
    first_gfn: BitVec
    lowest: BitVec
    later: Bool = FALSE
    apart: Bool = FALSE
    shown: tuple[Shown, ...] = ()


def _claim(made: EntryRound, wanted: _Wanted, *assumptions: Assumption) -> Claim:
    name = f"{made.function}()"
    here = all_of(made.in_range, negate(made.yielded))
    moved_on = all_of(here, made.goes_on, negate(made.again), negate(made.changes))
    stops = all_of(made.in_range, negate(made.goes_on), negate(made.again))
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
        "loop is for, and only in what it is for. The loops write-protect a range, clear its dirty flags, "
        "take a root's entries away, split huge pages, or make room for them. Where another CPU has "
        "changed the entry first, the round begins anew with what is there then.",
        source="KVM's comments at wrprot_gfn_range(), clear_dirty_gfn_range(), __tdp_mmu_zap_root(), "
        "tdp_mmu_split_huge_pages_root() and recover_huge_pages_range(), and at tdp_mmu_set_spte_atomic()",
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
            Catch("recover-before-slot", "changes-another"),
        ),
    ),
)
