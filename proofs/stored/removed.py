"""Tables that are taken out of the TDP MMU's tree: each is taken apart, and each entry of it is accounted for."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.stores import ENTRIES
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, eq, ite, ne, negate, ult, zext

_LEVELS, _SMALL, _INDEX_BITS, _MAPS_PAGE = 5, 1, 9, 7
"""The bit of an entry above level 1 that lets it map a page: SDM table 31-3, APM 5.4.1."""
_FRAME = (1 << 52) - (1 << 12)


def _present(kvm: Kvm, spte: BitVec) -> Bool:
    return ne(spte & kvm.constant("SPTE_MMU_PRESENT_MASK"), 0)


def _changed(kvm: Kvm) -> Claim:
    made = kvm.removed_tables.changed()
    name = f"{made.function}()"

    def leaf(spte: BitVec) -> Bool:
        return any_of(eq(made.level, _SMALL), bit(spte, _MAPS_PAGE))

    led_on = all_of(_present(kvm, made.old), negate(leaf(made.old)))
    gone = all_of(led_on, any_of(negate(_present(kvm, made.new)), leaf(made.new)))
    # KVM never lets an entry lead from one table to another, and warns if it has.
    moved = all_of(led_on, ne((made.old ^ made.new) & _FRAME, 0))
    of_another = any_of(ne(made.child_of, made.old), ne(made.child_level, made.level), negate(made.own_child))
    return never(
        given(
            Assumption("an entry stands at one of five levels", ult(made.level - 1, _LEVELS)),
            shown=(
                Shown("old", made.old, kind=NumberKind.SPTE),
                Shown("new", made.new, kind=NumberKind.SPTE),
                Shown("level", made.level),
                Shown("shared", made.shared),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "table-kept",
            all_of(gone, negate(made.removes)),
            f"{name} leaves a table as it is to which its entry does not lead any more.",
        ).told("the table below stays", "KVM's comment in it: the subtree is removed from the paging structure"),
        Wrong(
            "removes-another",
            all_of(made.removes, any_of(negate(any_of(gone, moved)), of_another)),
            f"{name} takes a table apart that is still in use, or another than the entry led to.",
        ).told("another table is taken apart", "KVM's comment in it: the table of the old SPTE"),
    )


def _removed(kvm: Kvm) -> Claim:
    made, name = kvm.removed_tables.removed(), "handle_removed_pt()"
    frozen = kvm.constant("FROZEN_SPTE" if kvm.defines("FROZEN_SPTE") else "REMOVED_SPTE")
    here = ult(made.number, ENTRIES)
    done = all_of(here, made.goes_on)
    frames = zext(made.number, 64)
    for level in range(_SMALL + 1, _LEVELS + 1):
        frames = ite(eq(made.level, level), zext(made.number, 64) << (level - 1) * _INDEX_BITS, frames)
    wanted = any_of(made.shared, _present(kvm, made.found))
    told = any_of(
        ne(made.told_old, made.replaced),
        ne(made.told_new, frozen),
        ne(made.told_gfn, made.gfn + frames),
        negate(made.told_rightly),
    )
    skips = any_of(
        ne(made.first, 0),
        all_of(made.goes_on, ne(made.following, made.number + 1)),
        all_of(here, negate(made.goes_on), negate(made.again)),
    )
    return never(
        given(
            Assumption("a table is one of five levels", ult(made.level - 1, _LEVELS)),
            Assumption("its entries are counted from 0 on", ult(made.number, ENTRIES + 1)),
            shown=(
                Shown("number of the first entry", made.first),
                Shown("number of the entry", made.number),
                Shown("level", made.level),
                Shown("gfn of the table", made.gfn),
                Shown("shared", made.shared),
                Shown("the entry before", made.replaced, kind=NumberKind.SPTE),
                Shown("written", made.written, kind=NumberKind.SPTE),
                Shown("it is told from what", made.told_old, kind=NumberKind.SPTE),
                Shown("it is told of which frame", made.told_gfn),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "page-linked", negate(made.unlinked), f"{name} leaves the page of the table on the lists that it is on."
        ).told("lists lead to a page that is freed", "KVM: tdp_mmu_unlink_sp()"),
        Wrong("another-entry", any_of(skips, negate(made.own_entry)), f"{name} passes over entries of the table.").told(
            "another entry", "KVM's comment at it: it iterates through the table"
        ),
        Wrong(
            "entry-stays",
            any_of(all_of(done, wanted, negate(made.writes)), all_of(made.writes, ne(made.written, frozen))),
            f"{name} leaves an entry of a table that is taken apart so that others may still use or change it.",
        ).told("the entry is not frozen", "KVM's comment in it: a non-present value that others do not overwrite"),
        Wrong(
            "lost-race",
            all_of(done, made.shared, eq(made.replaced, frozen)),
            f"{name} goes on although others have frozen the entry and are about to change it.",
        ).told("the entry is left to others", "KVM's comment in it: until it was set from some other value"),
        Wrong(
            "untold",
            all_of(done, made.writes, _present(kvm, made.replaced), negate(made.tells)),
            f"{name} drops an entry, and nobody is told what it led to.",
        ).told("nothing", "KVM: tables below are taken apart as well"),
        Wrong(
            "told-otherwise", all_of(made.tells, told), f"{name} tells of another change of an entry than it has made."
        ).told("another value, frame or level", "KVM's comment in it: what the entry held is what is reacted to"),
    )


def _unlinked(kvm: Kvm) -> Claim:
    made, name = kvm.removed_tables.unlinked(), "tdp_mmu_unlink_sp()"
    return never(
        given(
            shown=(
                Shown("the page may be on the list of those that may become huge", made.listed),
                Shown("KVM's lock may be shared", made.shared),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "stays-listed",
            all_of(made.listed, negate(made.unlisted)),
            f"{name} leaves a page that is freed on the list of those that may become huge.",
        ).told("who recovers huge pages takes it from there", "KVM: possible_nx_huge_page_link"),
        Wrong(
            "unlisted-unlocked",
            all_of(made.unlisted, made.shared, negate(made.locked)),
            f"{name} changes that list while others may.",
        ).told("its lock is not held", "KVM: tdp_mmu_pages_lock"),
    )


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield _changed(kvm)
    yield _removed(kvm)
    yield _unlinked(kvm)


THEOREMS = (
    Theorem(
        name="stored.removed",
        claim="A table of the TDP MMU to which no entry leads any more is taken apart, and no other. Each entry of it "
        "is frozen, so that nobody uses or changes it, and what it led to is accounted for with its frame and level, "
        "and taken apart in turn. Its page is taken off the list of those that may become huge.",
        source="KVM's comments at handle_removed_pt() and __handle_changed_spte()",
        assumes=("what is read or replaced of an entry may be anything by then: others may change it meanwhile",),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=several(_state),
        catches=(
            Catch("removed-kept-below-huge", "table-kept"),
            Catch("removed-child-of-new", "removes-another"),
            Catch("removed-spares-first", "another-entry"),
            Catch("removed-frames-of-small", "told-otherwise"),
            Catch("removed-frozen-by-others", "lost-race"),
            Catch("removed-stays-listed", "stays-listed"),
        ),
    ),
)
