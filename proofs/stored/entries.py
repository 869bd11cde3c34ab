"""Each entry of a page of the shadow MMU is reached where the page is emptied, or synchronized with the guest's."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.page_entries import EntryReached, EntrySynced, EntryTaken, PageSynced, Sweep
from mmuproof.model.statement import Shown
from mmuproof.model.stores import ENTRIES
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, bit, bv, eq, iff, ite, ne, negate, slt, ult

_LEVELS, _MAPS_PAGE = 5, 7


def _taken(kvm: Kvm) -> Claim:
    made: EntryTaken = kvm.page_entries.taken()
    name = "mmu_page_zap_pte()"
    present = ne(made.entry & kvm.constant("SPTE_MMU_PRESENT_MASK"), 0)
    # Level 1 maps pages, and so does an entry above with bit 7: SDM table 31-3, APM 5.3.
    leaf = any_of(eq(made.level, 1), bit(made.entry, _MAPS_PAGE))
    return never(
        given(
            Assumption("a page of SPTEs stands at one of five levels", ult(made.level - 1, _LEVELS)),
            shown=(Shown("entry", made.entry, kind=NumberKind.SPTE), Shown("level", made.level)),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "page-stays", all_of(present, leaf, negate(made.dropped)), f"{name} leaves an entry that maps a page."
        ).told("the entry stays", "KVM: a page that is given up leaves no SPTE behind"),
        Wrong(
            "link-stays",
            all_of(present, negate(leaf), negate(made.unlinked)),
            f"{name} leaves an entry that leads to a page of SPTEs.",
        ).told("the entry stays", "KVM: a page that is given up leads nowhere"),
        Wrong(
            "mmio-stays", all_of(negate(present), made.mmio, negate(made.cleared)), f"{name} leaves an MMIO SPTE."
        ).told("the entry stays", "KVM: a page that is given up leaves no SPTE behind"),
        Wrong("elsewhere", made.elsewhere, f"{name} takes out another entry, or looks at another.").told(
            "another entry", "KVM: the entry that it is given"
        ),
        Wrong(
            "untold",
            all_of(made.gives_up, negate(iff(ne(made.gave_up, 0), ne(made.says, 0)))),
            f"{name} does not say whether pages below were given up.",
        ).told("another answer", "KVM's comment at it: the number of zapped non-leaf child shadow pages"),
    )


def _reached(kvm: Kvm, sweep: Sweep) -> Claim:
    made: EntryReached = kvm.page_entries.reached(sweep)
    name, here = f"{sweep.value}()", all_of(ult(made.number, ENTRIES), negate(made.refused))
    wanted = made.before + made.found if sweep is Sweep.EMPTY else made.before | made.found
    # A page that the MMU in use cannot synchronize is not touched, and is given up.
    fails = all_of(made.asks, slt(made.found, bv(-1, 32))) if sweep is Sweep.SYNC else made.refused
    gives_up = any_of(made.refused, fails)
    skips = any_of(
        ne(made.first, 0),
        all_of(made.goes_on, ne(made.following, made.number + 1)),
        all_of(here, negate(made.asks)),
        all_of(made.asks, eq(made.number, ENTRIES)),
        all_of(here, negate(any_of(made.goes_on, fails))),
    )
    ends = all_of(negate(made.goes_on), negate(gives_up))
    kept = all_of(made.goes_on, ne(made.after, wanted))
    return never(
        given(
            Assumption("the entry is one of the page's, or its end is reached", ult(made.number, ENTRIES + 1)),
            shown=(
                Shown("number of the entry", made.number),
                Shown("known before", made.before),
                Shown("what came of it", made.found),
                Shown("known then", made.after),
                Shown("answer", made.says),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "passes-over",
            any_of(skips, all_of(made.asks, negate(made.own_entry))),
            f"{name} passes over entries of the page, or goes on behind them.",
        ).told("another entry", "KVM: all entries of a page"),
        Wrong(
            "forgets",
            any_of(kept, ne(made.begins_with, 0), all_of(ends, ne(made.says, made.before))),
            f"{name} forgets what came of earlier entries: whether TLBs have to be flushed, or pages are gone.",
        ).told("another sum", "KVM: what came of one entry counts for the page"),
        Wrong(
            "failure-untold",
            all_of(gives_up, negate(slt(made.says, bv(0, 32)))),
            f"{name} says that a page is in step that is not.",
        ).told("no error", "KVM's comment at sync_spte(): a negative number, and the page is zapped"),
    )


def _synced(made: EntrySynced, nothing: int) -> Claim:
    name = "kvm_sync_spte()"
    skipped = all_of(negate(made.asks), ne(made.entry, nothing))
    return never(
        given(
            shown=(Shown("entry", made.entry, kind=NumberKind.SPTE), Shown("answer", made.says)),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "passes-over",
            any_of(skipped, all_of(made.asks, negate(made.own_entry))),
            f"{name} leaves an entry as it is that may be out of step with the guest's.",
        ).told(
            "the entry is not synchronized", "SDM 4.10.4.1: the guest's invalidation reaches it; KVM: MMIO SPTEs too"
        ),
        Wrong(
            "forgets", ne(made.says, ite(made.asks, made.found, bv(0, 32))), f"{name} does not say what came of it."
        ).told("another answer", "KVM's comment at sync_spte()"),
    )


def _page_synced(made: PageSynced) -> Claim:
    name = "kvm_sync_page()"
    return never(
        given(
            shown=(Shown("what came of it", made.found), Shown("answer", made.says)), evidence=made.evidence, part=name
        ),
        Wrong(
            "stale-page-stays",
            all_of(slt(made.found, bv(0, 32)), negate(made.gives_up)),
            f"{name} keeps a page that could not be synchronized.",
        ).told("the page stays", "KVM's comment at sync_spte(): the page is zapped then"),
        Wrong("forgets", ne(made.says, made.found), f"{name} does not say what came of it.").told(
            "another answer", "KVM's comment at sync_spte(): whether TLBs have to be flushed"
        ),
    )


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    entries = kvm.page_entries
    yield _taken(kvm)
    yield _reached(kvm, Sweep.EMPTY)
    if entries.by_entry:
        yield _reached(kvm, Sweep.SYNC)
        yield _synced(entries.synced(), kvm.constant("SHADOW_NONPRESENT_VALUE"))
        yield _page_synced(entries.page_synced())


THEOREMS = (
    Theorem(
        name="stored.each-entry",
        claim="A page of the shadow MMU that is given up is emptied entry by entry. What maps a page, leads to one or "
        "is an MMIO SPTE is taken out, and it is said whether pages below went with it. Likewise each entry that holds "
        "anything is synchronized with the guest's, and what came of it counts for the whole page. A page that could "
        "not be synchronized is given up.",
        source="KVM's comments at mmu_page_zap_pte() and sync_spte(); SDM 4.10.4.1",
        assumes=("a page of SPTEs stands at one of five levels",),
        state=several(_state),
        catches=(
            Catch("entry-zap-keeps-mmio", "mmio-stays"),
            Catch("entry-zap-keeps-links", "link-stays"),
            Catch("entry-zap-counts-nothing", "untold"),
            Catch("page-zap-spares-first", "passes-over"),
            Catch("page-sync-goes-behind", "passes-over"),
            Catch("page-sync-last-entry-counts", "forgets"),
            Catch("entry-sync-skips-mmio", "passes-over"),
            Catch("page-sync-keeps-stale", "stale-page-stays"),
        ),
    ),
)
