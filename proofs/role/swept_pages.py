"""Sweeps that take all pages of the shadow MMU away: none is passed over, and all that are given up are freed."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.page_sweeps import PageSweep
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, all_of, any_of, implies, negate

_NO_ENTRY = "KVM: no SPTE may outlive the memory of the host that it maps"


def _swept(kvm: Kvm, sweep: PageSweep) -> Claim:
    made, name = kvm.page_sweeps.swept(sweep), f"{sweep.value}()"
    first, second = made.pages
    ends, due, in_order = negate(made.begins_anew), TRUE, implies(second.obsolete, first.obsolete)
    passed = []
    for page in made.pages:
        if sweep is PageSweep.OBSOLETE:
            due = all_of(due, page.obsolete)
        passed.append(all_of(due, negate(page.invalid), negate(page.zapped)))
    changed = any_of(made.yields, *(all_of(page.zapped, page.unstable) for page in made.pages))
    on = all_of(changed, ends)
    if sweep is PageSweep.OLDEST:
        # It may end at any page: it is enough for it.
        passed, on = [], all_of(first.zapped, first.unstable, second.zapped)
    return never(
        given(
            *((Assumption("older pages are listed before", in_order),) if sweep is PageSweep.OBSOLETE else ()),
            shown=(
                Shown("the first page is obsolete", first.obsolete),
                Shown("it was given up before", first.invalid),
                Shown("the list may be another then", first.unstable),
                Shown("the second page is obsolete", second.obsolete),
                Shown("the second was given up before", second.invalid),
                Shown("the lock is given up", made.yields),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong("passed-over", all_of(ends, any_of(*passed)), f"{name} ends, and has passed over a page.").told(
            "the page stays", _NO_ENTRY
        ),
        Wrong(
            "goes-on-in-another-list",
            on,
            f"{name} goes on in the list of pages although it may be another, or the page at which it was is gone.",
        ).told("it does not begin anew", "KVM: __kvm_mmu_prepare_zap_page() says whether the list is unstable"),
        Wrong("not-freed", all_of(ends, negate(made.freed)), f"{name} does not free what it has given up.").told(
            "pages are on no list, or stay on another", "KVM: kvm_mmu_commit_zap_page() frees them, after a flush"
        ),
        *(
            (
                Wrong(
                    "tdp-left",
                    all_of(ends, made.tdp_mmu, negate(made.tdp_done)),
                    f"{name} leaves what the TDP MMU has.",
                ).told("it stays", _NO_ENTRY),
            )
            if sweep is PageSweep.ALL
            else ()
        ),
    )


def _rest(kvm: Kvm) -> Claim:
    made, name = kvm.page_sweeps.rest(), "kvm_mmu_zap_all_fast()"
    return never(
        given(shown=(Shown("the TDP MMU is in use", made.tdp_mmu),), evidence=made.evidence, part=name),
        Wrong(
            "all-stay",
            negate(all_of(made.left_behind, implies(made.tdp_mmu, made.given_up))),
            f"{name} leaves pages as valid as they were, and vCPUs go on with them.",
        ).told("nothing is given up", _NO_ENTRY),
        Wrong(
            "roots-not-emptied",
            all_of(made.given_up, negate(made.emptied)),
            f"{name} gives roots of the TDP MMU up, and leaves what is below them.",
        ).told("SPTEs stay that nobody comes by any more", "KVM's comment in its second half: all must be dropped"),
        Wrong(
            "emptied-locked",
            all_of(made.emptied, negate(made.unlocked)),
            f"{name} holds the lock while roots are emptied, which takes it.",
        ).told("the lock is held", "KVM: lockdep_assert_not_held()"),
    )


def _sweeps(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for sweep in PageSweep:
        yield _swept(kvm, sweep)
    yield _rest(kvm)


THEOREMS = (
    Theorem(
        name="role.swept-pages",
        claim="A sweep through pages that are left behind, or through all, gives each of them up, and frees them. "
        "So does one through the oldest pages with those that it gives up. Where the list of pages may be another "
        "than before, it begins anew. Where all pages of a VM go, those of the TDP MMU do too, and where its roots "
        "are given up, what is below them is taken away.",
        source="KVM's comments in kvm_zap_obsolete_pages() and __kvm_mmu_zap_all_fast_back_half()",
        assumes=(
            "pages are listed in the order in which they were made: kvm_mmu_alloc_shadow_page() says so",
            "what giving a page up does is role.given-up; who is on the list is any page",
        ),
        state=several(_sweeps),
        catches=(
            Catch("sweep-goes-on", "goes-on-in-another-list"),
            Catch("sweep-stops-at-invalid", "passed-over"),
            Catch("sweep-kept", "not-freed"),
            Catch("sweep-oldest-kept", "not-freed"),
            Catch("sweep-tdp-stays", "tdp-left"),
            Catch("sweep-only-the-rest", "all-stay"),
            Catch("sweep-roots-not-emptied", "roots-not-emptied"),
        ),
    ),
)
