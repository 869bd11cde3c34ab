"""Above pages of SPTEs that are out of sync it is noted where they are, so that they are found."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.unsync_notes import ROOM, STEPS
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.terms import FALSE, TRUE, Bool, all_of, any_of, eq, iff, ite, ne, negate

_NOTES = "KVM: unsync_child_bitmap and unsync_children say below which entries pages out of sync are"
_COUNT = "KVM: unsync_children is how many bits of unsync_child_bitmap are set"


def _noted(kvm: Kvm) -> Claim:
    made, name = kvm.unsync_notes.noted(), "mark_unsync()"
    return never(
        given(
            shown=(Shown("the entry was noted before", made.was_noted), Shown("entries noted before", made.before)),
            evidence=made.evidence,
            part=name,
        ),
        Wrong("not-noted", negate(made.noted), f"{name} notes another entry, or none.").told(
            "the page below is not found when it is to be synchronized", _NOTES
        ),
        Wrong(
            "miscounted",
            ne(made.after, ite(made.was_noted, made.before, made.before + 1)),
            f"{name} miscounts the entries that are noted.",
        ).told("another count", _COUNT),
        Wrong(
            "above-untold",
            all_of(negate(made.was_noted), eq(made.before, 0), negate(made.tells)),
            f"{name} notes the first entry of a page, and not those that lead to the page.",
        ).told("a search from the root does not come by", _NOTES),
    )


def _told(kvm: Kvm) -> Claim:
    made, name = kvm.unsync_notes.parents_told(), "kvm_mmu_mark_parents_unsync()"
    return never(
        given(shown=(Shown("there is an entry that leads to the page", made.here),), evidence=made.evidence, part=name),
        Wrong(
            "parent-passed-over",
            any_of(all_of(made.here, negate(made.notes)), negate(made.of_page)),
            f"{name} does not note an entry that leads to the page.",
        ).told("a search by way of it does not find the page", _NOTES),
    )


def _linked(kvm: Kvm) -> Claim:
    made, name = kvm.unsync_notes.linked(), "__link_shadow_page()"
    return never(
        given(
            shown=(
                Shown("the page is out of sync", made.out_of_sync),
                Shown("something below it is out of sync", made.below),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "link-unnoted",
            all_of(any_of(made.out_of_sync, made.below), negate(made.notes)),
            f"{name} lets an entry lead to a page that is out of sync, or has such pages below, and does not note it.",
        ).told("a search by way of the entry does not find the page", _NOTES),
        Wrong(
            "link-noted-in-sync",
            all_of(made.notes, negate(made.out_of_sync), negate(made.below)),
            f"{name} notes an entry that leads to a page in sync.",
        ).told("it is noted", _NOTES),
    )


def _taken_back(kvm: Kvm) -> Claim:
    made, name = kvm.unsync_notes.taken_back(), "clear_unsync_child_bit()"
    return never(
        given(shown=(Shown("entries noted before", made.before),), evidence=made.evidence, part=name),
        Wrong("not-cleared", negate(made.cleared), f"{name} goes on noting the entry, or forgets another.").told(
            "another entry is no longer noted", _NOTES
        ),
        Wrong("count-kept", ne(made.after, made.before - 1), f"{name} miscounts the entries that are noted.").told(
            "another count", _COUNT
        ),
    )


def _taken_back_above(kvm: Kvm) -> Claim:
    made, name = kvm.unsync_notes.taken_back_above(), "mmu_pages_clear_parents()"
    clean, early, late = TRUE, [], []
    for there, left, taken in zip(made.there, made.left, made.taken_back, strict=True):
        due = all_of(clean, there)
        early.append(all_of(taken, negate(due)))
        late.append(all_of(due, negate(taken)))
        clean = all_of(due, eq(left, 0))
    return never(
        given(
            shown=tuple(Shown(f"entries still noted at step {step}", left) for step, left in enumerate(made.left)),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "forgotten-above",
            any_of(*early),
            f"{name} no longer notes an entry although pages below it are out of sync.",
        ).told("they are never synchronized", _NOTES),
        Wrong("kept-above", any_of(*late), f"{name} goes on noting an entry below which nothing is out of sync.").told(
            "it is noted still", _NOTES
        ),
    )


def _found(kvm: Kvm, count: int) -> Claim:
    made, name = kvm.unsync_notes.found(count), "mmu_pages_add()"
    again = all_of(made.unsync, made.known)
    return never(
        given(
            shown=(Shown("the page is out of sync", made.unsync), Shown("it is found already", made.known)),
            evidence=made.evidence,
            part=f"{name}, {count} pages found",
        ),
        Wrong(
            "page-dropped",
            all_of(negate(again), negate(all_of(made.stored, eq(made.after, count + 1)))),
            f"{name} does not put the page among those that are found.",
        ).told("the page is not synchronized", _NOTES),
        Wrong("found-twice", all_of(again, ne(made.after, count)), f"{name} has a page synchronized twice.").told(
            "the page is among them twice", "KVM: pages out of sync are found once"
        ),
        Wrong(
            "no-room-told",
            negate(iff(made.full, eq(made.after, ROOM))),
            f"{name} does not say rightly whether there is room for more pages.",
        ).told("the next page is written behind the array, or the search ends early", "KVM: KVM_PAGE_ARRAY_NR"),
    )


def _way(kvm: Kvm, level: int, begins: bool) -> Claim:
    made, name = kvm.unsync_notes.way(level, begins), f"mmu_pages_{'first' if begins else 'next'}()"
    above: Bool = FALSE if level == 1 else negate(made.pages)
    return never(
        given(evidence=made.evidence, part=f"{name}, from level {level}"),
        Wrong(
            "way-lost",
            any_of(negate(made.entries), above, negate(made.lowest)),
            f"{name} loses the way to a page out of sync.",
        ).told("another entry is no longer noted when the page is in sync", _NOTES),
        Wrong(
            "way-without-end", negate(made.ends) if begins else FALSE, f"{name} does not note where the way up ends."
        ).told("the way goes on to a page of another one", "KVM's comment in it: set up a sentinel"),
    )


def _notes(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield from (_noted(kvm), _told(kvm), _linked(kvm), _taken_back(kvm), _taken_back_above(kvm))
    for count in (0, 1, ROOM - 1):
        yield _found(kvm, count)
    for level in range(1, STEPS + 2):
        yield _way(kvm, level, False)
    for level in range(2, STEPS + 2):
        yield _way(kvm, level, True)


THEOREMS = (
    Theorem(
        name="walk.noted-children",
        claim="Where something below an entry gets out of sync, the entry is noted and counted once. If it is the "
        "first of its page, each entry that leads to the page is noted too. So is one that begins to lead to such a "
        "page. On the way up from a page that is in sync "
        "again, an entry is no longer noted exactly where nothing else below it is out of sync. What a search finds is "
        "kept, with the way to it, until there is no room for more.",
        source="KVM: unsync_child_bitmap and unsync_children say below which entries pages out of sync are",
        assumes=(
            "the bits themselves are inline assembly: which bit of which bitmap is set and cleared is what is claimed",
            "parents' lists are complete: pte_list_add() puts each entry on them that is linked",
            "how many pages are found at once is looked at for none, one, and all but one",
        ),
        state=several(_notes),
        catches=(
            Catch("noted-parents-untold", "above-untold"),
            Catch("noted-counted-twice", "miscounted"),
            Catch("noted-parents-skipped", "parent-passed-over"),
            Catch("noted-link-forgotten", "link-unnoted"),
            Catch("noted-count-kept", "count-kept"),
            Catch("noted-cleared-too-far", "forgotten-above"),
            Catch("noted-found-without-end", "no-room-told"),
            Catch("noted-way-unnoted", "way-lost"),
            Catch("noted-way-without-end", "way-without-end"),
        ),
    ),
)
