"""Pages of SPTEs that are out of sync below another: all are found, and all are synchronized or given up."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, bv, eq, implies, ne, negate, slt

_NOTES = "KVM: unsync_child_bitmap and unsync_children say where pages out of sync are"
_MOST = 1 << 20


def _searched(kvm: Kvm) -> Claim:
    made, name = kvm.child_syncs.searched(), "__mmu_unsync_walk()"
    leaf = all_of(made.table, negate(made.below), made.unsync)
    down = all_of(made.table, made.below)
    none = all_of(made.searched, eq(made.found, 0))
    some = all_of(made.searched, slt(bv(0, 32), made.found))
    stale = any_of(negate(made.table), none, all_of(made.table, negate(made.below), negate(made.unsync)))
    return never(
        given(
            Assumption(
                "fewer pages are found than a number counts",
                all_of(slt(made.before, bv(_MOST, 32)), negate(slt(made.before, bv(0, 32)))),
            ),
            Assumption("the same of those below a page", implies(made.searched, slt(made.found, bv(_MOST, 32)))),
            shown=(
                Shown("the entry leads to a page of SPTEs", made.table),
                Shown("pages below that are out of sync", made.below),
                Shown("it is itself out of sync", made.unsync),
                Shown("no more pages can be found at once", made.full),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "unsync-passed-over",
            all_of(any_of(leaf, down), negate(made.added)),
            f"{name} passes over a page that is out of sync, or has such below it.",
        ).told("the page is not among those that are found", _NOTES),
        Wrong(
            "below-passed-over",
            all_of(down, negate(made.full), negate(made.searched)),
            f"{name} does not look below a page that has pages out of sync below it.",
        ).told("no search below it", _NOTES),
        Wrong(
            "forgotten",
            all_of(made.forgotten, any_of(leaf, some, all_of(down, made.full))),
            f"{name} no longer notes where pages are out of sync.",
        ).told("they are never synchronized", _NOTES),
        Wrong(
            "kept-for-nothing",
            all_of(stale, negate(made.forgotten)),
            f"{name} goes on noting an entry below which nothing is out of sync.",
        ).told("the search never comes to an end", _NOTES),
        Wrong(
            "miscounted",
            all_of(made.goes_on, any_of(leaf, some), negate(slt(made.before, made.after))),
            f"{name} finds a page and does not count it.",
        ).told("the pages that are found may be left alone", "KVM: its answer says whether there are such pages"),
        Wrong(
            "counted-for-nothing",
            all_of(made.goes_on, negate(any_of(leaf, some)), ne(made.before, made.after)),
            f"{name} counts a page that is not out of sync.",
        ).told("another count", "KVM: its answer says whether there are such pages"),
        Wrong(
            "goes-on-without-room",
            all_of(made.full, any_of(made.goes_on, negate(slt(made.answer, bv(0, 32))))),
            f"{name} does not say that there are more pages than can be found at once.",
        ).told("it goes on, or says that all are found", "KVM: -ENOSPC"),
    )


def _synced(kvm: Kvm) -> Claim:
    made, name = kvm.child_syncs.synced(), "mmu_sync_children()"
    return never(
        given(
            Assumption("no more are found at once than there is room for", made.fit),
            shown=(
                Shown("some are found", made.found),
                Shown("write-protecting has changed an SPTE", made.changed_before),
                Shown("the lock is given up", made.yields),
                Shown("it ends before all are synchronized", made.stops),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "unprotected",
            all_of(made.protects, negate(all_of(made.protected, made.noted))),
            f"{name} leaves the table behind a page writable, or does not remember that it no longer is.",
        ).told("the guest can write what is about to be synchronized", "KVM: a page in sync has its table protected"),
        Wrong(
            "synced-unflushed",
            all_of(made.changed_before, negate(made.flushed_before)),
            f"{name} synchronizes pages while the guest can write their tables through its TLB.",
        ).told("no flush before", "KVM: what write-protects a table is flushed before its page counts as in sync"),
        Wrong(
            "left-unsync",
            all_of(made.syncs, negate(all_of(made.marked, made.synced, made.counted))),
            f"{name} leaves a page as it is, or noted as out of sync, or another one instead.",
        ).told("the page is not in sync, or not known to be", _NOTES),
        Wrong("due-forgotten", all_of(made.syncs, negate(made.due_kept)), f"{name} forgets that a flush is due.").told(
            "no flush", "KVM's comment in __kvm_sync_page()"
        ),
        Wrong(
            "yields-unflushed",
            all_of(any_of(made.yields, made.stops), negate(made.flushed_between)),
            f"{name} gives the lock up, or ends, with a flush due.",
        ).told("no flush", "KVM: what is changed is flushed before mmu_lock is given up"),
        Wrong(
            "yields-unasked",
            all_of(made.yields, negate(made.may_yield)),
            f"{name} gives the lock up where it has to be kept.",
        ).told("the lock is given up", "KVM: can_yield"),
        Wrong(
            "stops-for-good",
            all_of(made.stops, negate(made.asked)),
            f"{name} ends early, and nobody synchronizes what is left.",
        ).told("no request to go on later", "KVM: KVM_REQ_MMU_SYNC"),
        Wrong(
            "ends-early",
            all_of(made.found, negate(made.stops), made.flushed_after),
            f"{name} says that all are in sync while some are not.",
        ).told("it ends", "KVM: it goes on until no page is found"),
        Wrong(
            "ends-unflushed", all_of(negate(made.found), negate(made.flushed_after)), f"{name} ends with a flush due."
        ).told("no flush", "KVM: what is changed is flushed before mmu_lock is given up"),
    )


def _begun(kvm: Kvm) -> Claim:
    made, name = kvm.child_syncs.begun(), "mmu_unsync_walk()"
    return never(
        given(shown=(Shown("pages below are out of sync", made.below),), evidence=made.evidence, part=name),
        Wrong(
            "unsearched",
            all_of(made.below, negate(made.searched)),
            f"{name} does not look below a page that has pages out of sync below it.",
        ).told("no search below it", _NOTES),
        Wrong(
            "found-before",
            all_of(made.below, negate(all_of(made.emptied, made.above))),
            f"{name} keeps pages of a search before, or does not begin with the page above what is found.",
        ).told("what is found is taken to be below another page", "KVM: mmu_pages_first()"),
        Wrong(
            "answer",
            any_of(all_of(made.searched, ne(made.answer, made.found)), all_of(negate(made.below), ne(made.answer, 0))),
            f"{name} says something else than what the search has found.",
        ).told("another answer", "KVM: its answer says whether there are such pages"),
    )


def _zapped(kvm: Kvm) -> Claim:
    made, name = kvm.child_syncs.zapped(), "mmu_zap_unsync_children()"
    # Pages of the lowest level have none below them.
    above = ne(made.level, 1)
    return never(
        given(
            Assumption("no more are found at once than there is room for", made.fit),
            shown=(
                Shown("the page above has pages below it", above),
                Shown("some are found", made.found),
                Shown("one is to be given up", made.zaps),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "zap-unsearched",
            all_of(above, negate(made.searched)),
            f"{name} does not look for pages out of sync below one that is given up.",
        ).told("no search below it", _NOTES),
        Wrong(
            "zap-left",
            all_of(made.zaps, negate(made.zapped)),
            f"{name} leaves a page out of sync behind, gives another one up, or puts it elsewhere.",
        ).told(
            "nothing leads to the page any more, so nobody synchronizes it, or frees it after a flush",
            "KVM: kvm_sync_page() is for pages below a root",
        ),
        Wrong(
            "zap-noted",
            all_of(made.zaps, negate(made.counted)),
            f"{name} goes on counting a page as one out of sync that is given up.",
        ).told("the search never comes to an end", _NOTES),
        Wrong(
            "zap-ends-early",
            all_of(above, made.searched, made.found, made.ends),
            f"{name} ends while pages out of sync are left.",
        ).told("it ends", "KVM: it goes on until no page is found"),
        Wrong(
            "zap-miscounted",
            any_of(
                all_of(made.zaps, ne(made.after, made.before + 1)),
                all_of(made.searched, made.ends, any_of(ne(made.none, 0), ne(made.answer, made.all))),
            ),
            f"{name} does not tell how many pages it gives up.",
        ).told(
            "whoever goes through all pages goes on from one that is gone",
            "KVM: its comment on list_unstable in __kvm_mmu_prepare_zap_page()",
        ),
    )


def _children(kvm: Kvm, _vendor: Vendor) -> tuple[Claim, ...]:
    return _begun(kvm), _searched(kvm), _synced(kvm), _zapped(kvm)


THEOREMS = (
    Theorem(
        name="walk.children",
        claim="Of the entries of a page that are noted as leading to pages out of sync, each one is looked at. Below "
        "it all such pages are found, and where there are none it is no longer noted. Each page that is found has its "
        "table write-protected and TLBs flushed, and is synchronized then; below a page that is given up, each one is "
        "given up with it, and counted. That goes on until none is found, or the vCPU is asked to synchronize the rest "
        "later. No flush that is due is lost.",
        source="KVM: unsync_child_bitmap, unsync_children and KVM_REQ_MMU_SYNC; its comment in __kvm_sync_page()",
        assumes=("no more pages are found at once than kvm_mmu_pages has room for, by walk.noted-children",),
        state=several(_children),
        catches=(
            Catch("children-forgotten", "forgotten"),
            Catch("children-protected-by-last", "unprotected"),
            Catch("children-synced-unflushed", "synced-unflushed"),
            Catch("children-due-by-last", "due-forgotten"),
            Catch("children-stopped-for-good", "stops-for-good"),
            Catch("children-searched-in-sync", "unsearched"),
            Catch("children-zapped-once", "zap-ends-early"),
            Catch("children-not-zapped", "zap-left"),
            Catch("children-noted-after-zap", "zap-noted"),
            Catch("children-zapped-uncounted", "zap-miscounted"),
        ),
    ),
)
