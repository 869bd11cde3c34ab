"""Splits of huge pages in the shadow MMU: the small pages map and grant what the huge one did."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.shadow_splits import LOOKED_AT
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, eq, ite, ne, negate, ult

_EAGAIN = 11


def _entry(kvm: Kvm) -> Claim:
    made, name = kvm.shadow_splits.entry(), "shadow_mmu_split_huge_page()"
    return never(
        given(
            Assumption("the first entries stand for all", ult(made.index, LOOKED_AT)),
            shown=(
                Shown("number of the entry", made.index),
                Shown("it maps something already", made.present),
                Shown("that is a page of SPTEs", made.table),
                Shown("a flush is due from before", made.due),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "another-spte",
            all_of(made.here, ne(made.after, ite(made.present, made.before, made.made))),
            f"{name} leaves an entry empty, or changes one that maps something.",
        ).told("another SPTE", "KVM's comment in it: no need to modify populated entries"),
        Wrong(
            "made-of-another",
            all_of(made.here, negate(made.present), negate(made.made_right)),
            f"{name} makes a small SPTE of another huge one, or for another entry or role.",
        ).told("another page, or another access", "KVM: each small page is the part of the huge one at its entry"),
        Wrong(
            "not-listed",
            all_of(made.here, negate(made.present), negate(made.listed)),
            f"{name} maps a small page with an SPTE that is not on its frame's list, or with another access.",
        ).told("the SPTE is not found by its frame", "KVM: what maps a frame at a level is found by one list"),
        Wrong(
            "unmapped-unflushed",
            all_of(made.here, any_of(made.due, all_of(made.present, made.table)), negate(made.due_after)),
            f"{name} unmaps part of a huge page, and forgets that a flush is due.",
        ).told("no flush", "KVM's comment in it: unmapping guest memory always requires a TLB flush"),
        Wrong(
            "entry-left-out", all_of(made.here, ne(made.next_index, made.index + 1)), f"{name} leaves an entry out."
        ).told("another entry is next", "KVM: all 512 entries"),
        Wrong(
            "linked-otherwise",
            all_of(made.ends, negate(made.linked)),
            f"{name} puts the page in another place than the huge SPTE's, or without the flush that is due.",
        ).told("another place, or no flush", "KVM's comment in it"),
    )


def _page(kvm: Kvm) -> Claim:
    made, name = kvm.shadow_splits.page(), "shadow_mmu_get_sp_for_split()"
    return never(
        given(
            Assumption("a huge SPTE is of level 2 or 3", ult(made.level - 2, 2)),
            Assumption("an access is one of ACC_*", negate(ne(made.access & ~kvm.constant("ACC_ALL"), 0))),
            shown=(
                Shown("level of the huge SPTE", made.level),
                Shown("its frame", made.frame),
                Shown("what the guest grants", made.access),
                Shown("what the page is to grant", made.told_access),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "another-page",
            any_of(negate(made.right_entry), ne(made.told_frame, made.frame), ne(made.told_level, made.level - 1)),
            f"{name} asks for a page of another frame or level than the huge SPTE's parts.",
        ).told("the small pages map others", "KVM: a page of the level below, from the same frame on"),
        Wrong(
            "another-access",
            ne(made.told_access, made.access),
            f"{name} asks for a page with another access than what the guest grants.",
        ).told("the small pages permit something else", "KVM: what is noted of the huge SPTE"),
        Wrong(
            "not-direct", negate(made.told_direct), f"{name} asks for a page that has a guest's table behind it."
        ).told("the page would follow entries that there are not", "KVM's comment in it: always direct shadow pages"),
    )


def _tried(kvm: Kvm) -> Claim:
    made, name = kvm.shadow_splits.tried(), "shadow_mmu_try_split_huge_page()"
    return never(
        given(
            shown=(
                Shown("there is memory, and nobody waits", made.ready),
                Shown("the lock is given up", made.unlocked),
                Shown("what is told", made.answer),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "another-split",
            all_of(made.splits, negate(made.split_right)),
            f"{name} splits another page than the one that it is told of, or of another slot.",
        ).told("another page", "KVM: one SPTE of a list"),
        Wrong(
            "split-unprepared",
            all_of(made.splits, negate(all_of(made.ready, made.split_before))),
            f"{name} splits a page without memory for it, or after the lock was given up.",
        ).told("others may have freed the SPTE meanwhile", "KVM's comment in it: the lock was dropped"),
        Wrong(
            "lock-kept-open",
            all_of(made.unlocked, negate(made.locked)),
            f"{name} does not take the lock again that it has given up.",
        ).told("the lock is not held", "KVM: a list is changed under mmu_lock"),
        Wrong(
            "split-untold",
            any_of(
                all_of(made.splits, negate(made.unlocked), ne(made.answer, 0)),
                all_of(negate(made.splits), eq(made.answer, 0)),
            ),
            f"{name} says of a page that is not split that it is, or the reverse.",
        ).told("another answer", "KVM: 0 for a split, -EAGAIN where the lock was dropped, another error otherwise"),
    )


def _listed(kvm: Kvm) -> Claim:
    made, name = kvm.shadow_splits.listed(), "shadow_mmu_try_split_huge_pages()"
    stale = all_of(made.tried, any_of(eq(made.said, 0), eq(made.said, -_EAGAIN)))
    passed = any_of(negate(made.huge), negate(made.shadows), made.unsync, made.invalid)
    return never(
        given(
            shown=(
                Shown("the SPTE maps a huge page", made.huge),
                Shown("its page is one for L2", made.shadows),
                Shown("its page is given up", made.invalid),
                Shown("it is tried to split it", made.tried),
                Shown("what that says", made.said),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "another-tried",
            all_of(made.tried, negate(made.tried_right)),
            f"{name} splits another page than the list's, or for another slot.",
        ).told("another page", "KVM: what is on a frame's list"),
        Wrong("no-page-split", all_of(made.tried, negate(made.huge)), f"{name} splits what maps no huge page.").told(
            "a small page's bits, or a table's, are taken for a huge page", "KVM: no such SPTE is on the list"
        ),
        Wrong(
            "huge-page-left",
            all_of(made.here, negate(passed), negate(made.tried)),
            f"{name} leaves a huge page as it is.",
        ).told("no split", "KVM: all huge pages of the range, but those whose page is given up"),
        Wrong(
            "list-stale",
            any_of(all_of(stale, negate(made.restarts)), all_of(made.tried, made.goes_on)),
            f"{name} does not begin again with a list that a split has changed, or from which the lock was taken.",
        ).told("the next SPTE is looked for where the last one was", "KVM's comment in it"),
        Wrong(
            "split-again-for-good",
            all_of(made.tried, negate(stale), made.restarts),
            f"{name} tries again what has failed for good.",
        ).told("it begins again", "KVM's comment in it: the split should not be retried"),
    )


def _splits(kvm: Kvm, _vendor: Vendor) -> tuple[Claim, ...]:
    return _entry(kvm), _page(kvm), _tried(kvm), _listed(kvm)


THEOREMS = (
    Theorem(
        name="stored.shadow-split",
        claim="Where a huge page of the shadow MMU is split, another page comes in its place. Each entry maps the "
        "part at its place, by an SPTE made of the huge one, and is on its frame's list. One that maps something "
        "already stays, and if that is a table a flush is due. The page is of the level below, begins at the same "
        "frame and grants what the guest grants. Of a list each huge page is split, only "
        "under the lock and with memory for it; then the list is gone through anew.",
        source="KVM's comments in shadow_mmu_split_huge_page() and shadow_mmu_get_sp_for_split()",
        assumes=(
            "a huge SPTE is of level 2 or 3, and an access is one of ACC_*",
            "the first entries of a page stand for all: the loop counts them",
        ),
        state=several(_splits),
        catches=(
            Catch("shadow-split-first-entry", "made-of-another"),
            Catch("shadow-split-unlisted", "not-listed"),
            Catch("shadow-split-unflushed", "unmapped-unflushed"),
            Catch("shadow-split-grants-all", "another-access"),
            Catch("shadow-split-unprepared", "split-unprepared"),
            Catch("shadow-split-unlocked-untold", "split-untold"),
            Catch("shadow-split-tables", "no-page-split"),
            Catch("shadow-split-goes-on", "list-stale"),
        ),
    ),
)
