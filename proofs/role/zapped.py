"""Pages of SPTEs that are given up: no entry and no vCPU uses them, and TLBs lose them before they are freed."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, eq, iff, implies, ne, negate, ult

_GENERATIONS = 2


def _page(kvm: Kvm) -> Claim:
    made, name = kvm.zapped_pages.given_up(), "__kvm_mmu_prepare_zap_page()"
    return never(
        given(
            Assumption(
                "only a page that shadows a table of the guest's can be out of sync", implies(made.unsync, made.shadows)
            ),
            shown=(
                Shown("a vCPU uses it as a root", made.in_use),
                Shown("it had been given up before", made.was_invalid),
                Shown("it shadows a table of the guest's", made.shadows),
                Shown("it is out of sync", made.unsync),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong("stays-valid", negate(made.invalid), f"{name} does not mark the page as given up.").told(
            "the page counts as one that can be used", "KVM: role.invalid"
        ),
        Wrong(
            "stays-linked",
            negate(all_of(made.emptied, made.unlinked, made.children_given_up)),
            f"{name} leaves entries in the page, or such as lead to it, or pages below it that are out of sync.",
        ).told("an entry stays", "KVM: a page that is given up is part of no tables"),
        Wrong(
            "freed-in-use",
            all_of(made.queued, made.in_use),
            f"{name} lets a page be freed that a vCPU uses as its root.",
        ).told("the page is freed", "KVM's comment in it: the root is freed when root_count hits zero"),
        Wrong(
            "never-freed",
            negate(any_of(made.queued, made.in_use)),
            f"{name} does not let a page be freed that nobody uses.",
        ).told("the page is on no list", "KVM's comment in it"),
        Wrong(
            "told-nobody",
            all_of(made.in_use, made.may_be_loaded, negate(made.told)),
            f"{name} does not tell vCPUs to let go of the root.",
        ).told("vCPUs keep the root", "KVM's comment in it: make the request to free obsolete roots"),
        Wrong(
            "told-early",
            all_of(made.told, negate(made.told_late)),
            f"{name} tells vCPUs to let go of roots before the page is marked as given up.",
        ).told("a vCPU may find it valid still", "KVM's comment in it: after marking the root invalid"),
        Wrong(
            "miscounted",
            negate(iff(made.uncounted, all_of(made.shadows, negate(made.was_invalid)))),
            f"{name} takes the page from what is counted of its table not at all, or once more.",
        ).told("another count", "KVM: a page is counted when it is made, and taken back once"),
        Wrong(
            "still-unsync", negate(iff(made.synced, made.unsync)), f"{name} mistakes whether the page is out of sync."
        ).told("another count", "KVM: pages out of sync are counted"),
    )


def _all(kvm: Kvm) -> Claim:
    made, name = kvm.zapped_pages.all_at_once(), "kvm_mmu_zap_all_fast()"
    return never(
        given(
            Assumption("there are two generations of pages", ult(made.before, _GENERATIONS)),
            shown=(Shown("the TDP MMU is in use", made.tdp_mmu), Shown("generation", made.before)),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "same-generation",
            any_of(eq(made.after, made.before), negate(ult(made.after, _GENERATIONS))),
            f"{name} lets pages of the generation in use count as valid.",
        ).told("the generation stays", "KVM's comment in it: toggle between 0 and 1"),
        Wrong(
            "tdp-left-out",
            all_of(made.tdp_mmu, negate(all_of(made.told_of_tdp, made.only_direct))),
            f"{name} leaves roots of the TDP MMU valid, or gives up mirrors too.",
        ).told("another kind of roots, or none", "KVM's comment in it: mirrors are invalidated by the caller"),
        Wrong("told-nobody", negate(made.told), f"{name} does not tell vCPUs to let go of their roots.").told(
            "vCPUs keep their roots", "KVM's comment in it: notify all vCPUs to reload"
        ),
        Wrong(
            "told-early",
            all_of(made.told, negate(made.told_late)),
            f"{name} tells vCPUs to let go of roots that are still valid.",
        ).told("a vCPU may load one again", "KVM's comment in it: in the same critical section, before"),
        Wrong("pages-left", negate(made.zaps), f"{name} leaves the pages that nobody is to use any more.").told(
            "they stay", "KVM's comment at it: no resource of a slot that is deleted may be used"
        ),
    )


def _flush(kvm: Kvm) -> Claim:
    made, name = kvm.zapped_pages.late_flush(), "kvm_mmu_remote_flush_or_zap()"
    return never(
        given(
            shown=(Shown("a flush is due", made.due), Shown("pages are to be freed", made.some)),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "flush-lost",
            all_of(made.due, negate(any_of(made.flushed, made.freed))),
            f"{name} loses a flush that is due.",
        ).told("no flush", "KVM: TLBs may have what was changed"),
        Wrong("pages-kept", all_of(made.some, negate(made.freed)), f"{name} leaves pages on the list.").told(
            "they are not freed", "KVM: pages on the list are freed after a flush"
        ),
        Wrong(
            "mistaken-answer",
            negate(iff(made.answer, any_of(made.flushed, made.freed))),
            f"{name} does not say whether TLBs are flushed.",
        ).told("another answer", "KVM: whoever is told flushes no more"),
    )


def _root(kvm: Kvm) -> Claim:
    made, name = kvm.zapped_pages.root_emptied(), "tdp_mmu_zap_root()"
    return never(
        given(
            Assumption("a root of the TDP MMU has four or five levels", any_of(eq(made.level, 4), eq(made.level, 5))),
            shown=(Shown("level of the root", made.level), Shown("last level", made.last)),
            evidence=made.evidence,
            part=name,
        ),
        Wrong("entries-left", ne(made.last, made.level), f"{name} leaves entries below the root.").told(
            "it ends at another level than the root's", "KVM's comment in it: from the top, in the end"
        ),
        Wrong(
            "another-root",
            negate(all_of(made.right, made.rising)),
            f"{name} takes entries of another root away, or goes down again.",
        ).told("another root or level", "KVM's comment in it: the lower levels first"),
    )


def _left_behind(kvm: Kvm) -> Claim:
    made, name = kvm.zapped_pages.left_behind(), "kvm_mmu_free_obsolete_roots()"
    return never(
        given(evidence=made.evidence, part=name),
        Wrong(
            "roots-kept",
            negate(all_of(made.own, made.nested)),
            f"{name} leaves an MMU of the vCPU the roots that memory slots have left behind.",
        ).told("the roots stay", "KVM: a vCPU has an MMU for its own tables and one for L1's nested ones"),
    )


def _given_up(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    yield _page(kvm)
    yield _all(kvm)
    yield _flush(kvm)
    yield _left_behind(kvm)
    if vendor is not Vendor.SHADOW:
        yield _root(kvm)


THEOREMS = (
    Theorem(
        name="role.given-up",
        claim="A page of SPTEs that is given up is marked so, has no entries and none that lead to it. It is freed "
        "only if no vCPU uses it as a root; else vCPUs are told, once it is marked, to let go of it. It is taken back "
        "once from what is counted of its table. When all are given up the roots of the TDP MMU are too, and vCPUs "
        "are told then. Each vCPU lets go of what is left behind in each of its MMUs. Of a root of the TDP MMU no "
        "entry stays. No flush that is due is lost.",
        source="KVM's comments in __kvm_mmu_prepare_zap_page(), kvm_mmu_commit_zap_page() and kvm_mmu_zap_all_fast()",
        assumes=(
            "only a page that shadows a guest's table can be out of sync: kvm_unsync_page() is asked of no other",
            "a root of the TDP MMU has four or five levels: kvm_mmu_get_tdp_level()",
            "there are two generations of pages: nobody but kvm_mmu_zap_all_fast() changes the one in use",
        ),
        state=several(_given_up),
        catches=(
            Catch("zapped-page-stays-linked", "stays-linked"),
            Catch("zapped-page-uncounted-twice", "miscounted"),
            Catch("zapped-root-freed-in-use", "freed-in-use"),
            Catch("zapped-root-told-nobody", "told-nobody"),
            Catch("all-zapped-but-tdp-roots", "tdp-left-out"),
            Catch("late-flush-lost", "flush-lost"),
            Catch("root-emptied-to-1g", "entries-left"),
            Catch("left-behind-roots-of-l1", "roots-kept"),
        ),
    ),
)
