"""The roots that an MMU keeps: those go that are out of date, and the one in use is up to date when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kept_roots import RootMet, RootsGone, RootsSwept
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool, all_of, any_of, eq, iff, ite, ne, negate, ule, ult, zext

_INVALID, _PAE_LEVELS, _LEVELS = (1 << 64) - 1, 4, 5
_WHY = {
    RootsSwept.OBSOLETE: "KVM's comment at is_obsolete_root(): a root without a page may be stale too",
    RootsSwept.GUEST_MODE: "KVM: the roots of an L2, and those of which that is not known",
    RootsSwept.UNSYNC: "KVM's comment in kvm_mmu_sync_prev_roots(): they are synchronized by being given up",
}


def _there(root: RootMet) -> Bool:
    return ne(root.hpa, _INVALID)


def _is_unsync(root: RootMet) -> Bool:
    return all_of(negate(root.dummy), root.with_page, any_of(root.unsync, root.unsync_below))


def _has_to_go(who: RootsSwept, root: RootMet, made: RootsGone) -> Bool:
    if who is RootsSwept.OBSOLETE:
        old = all_of(negate(root.of_tdp), ne(root.made_in, made.generation))
        return any_of(negate(root.with_page), root.invalid, old)
    return any_of(negate(root.with_page), root.guest_mode) if who is RootsSwept.GUEST_MODE else _is_unsync(root)


def _of_sweep(kvm: Kvm, who: RootsSwept) -> Iterator[Claim]:
    made = kvm.kept_roots.swept(who)
    for number, root in enumerate(made.roots):
        if root.in_use and who is not RootsSwept.OBSOLETE:
            continue
        name, wanted = f"{made.function}()", all_of(_there(root), _has_to_go(who, root, made))
        yield never(
            given(
                Assumption("the page of zeros has no page of SPTEs", negate(all_of(root.dummy, root.with_page))),
                shown=(
                    Shown("address", root.hpa),
                    Shown("has a page", root.with_page),
                    Shown("generation of the page", root.made_in),
                    Shown("generation", made.generation),
                    Shown("of an L2", root.guest_mode),
                    Shown("out of sync", root.unsync),
                    Shown("out of sync below", root.unsync_below),
                ),
                evidence=made.evidence,
                part=f"{name}, root {number}" if number else f"{name}, the root in use",
            ),
            Wrong("stale-root-kept", all_of(wanted, negate(root.freed)), f"{name} keeps a root that has to go.").told(
                "kept", _WHY[who]
            ),
            Wrong(
                "root-lost", all_of(root.freed, negate(wanted)), f"{name} gives a root up that is as it should be."
            ).told("given up", _WHY[who]),
        )


def _swept(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for who in RootsSwept:
        yield from _of_sweep(kvm, who)
    gone = kvm.kept_roots.unloaded()
    yield never(
        given(evidence=gone.evidence, part="kvm_mmu_unload()"),
        Wrong(
            "stale-root-kept",
            negate(all_of(gone.own, gone.nested)),
            "kvm_mmu_unload() keeps roots of one of the vCPU's MMUs.",
        ).told("kept", "KVM: all roots, of the vCPU's own tables and of those for L2"),
        Wrong(
            "mmio-remembered",
            negate(gone.mmio_forgotten),
            "kvm_mmu_unload() lets KVM remember an access to MMIO by tables that are gone.",
        ).told("remembered", "KVM: what is remembered of MMIO is of the tables in use"),
    )
    reset = kvm.kept_roots.context_reset()
    yield never(
        given(evidence=reset.evidence, part="kvm_mmu_reset_context()"),
        Wrong(
            "stale-root-kept",
            negate(reset.given_up),
            "kvm_mmu_reset_context() keeps roots that were made for what the vCPU was before.",
        ).told("kept", "KVM: its callers change what roles do not tell, such as CPUID"),
        Wrong("stale-role", negate(reset.set_up), "kvm_mmu_reset_context() leaves the MMU in use as it was.").told(
            "the MMU has the role of what the vCPU was", "KVM: MMUs are set up anew"
        ),
    )


def _freed(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.kept_roots.page_freed(), "mmu_free_root_page()"
    gone = all_of(ne(made.hpa, _INVALID), made.with_page)
    last = eq(made.count, 1)
    return never(
        given(
            Assumption(
                "a page of the shadow MMU that is a root counts its uses", any_of(made.of_tdp, ne(made.count, 0))
            ),
            shown=(
                Shown("address", made.hpa),
                Shown("address afterwards", made.hpa_after),
                Shown("uses", made.count),
                Shown("uses afterwards", made.count_after),
                Shown("the page is given up", made.invalid),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "zapped-in-use",
            all_of(made.zapped, negate(all_of(gone, last, made.invalid, negate(made.of_tdp)))),
            f"{name} takes a page apart that is the root of others, or may become one again.",
        ).told("taken apart", "KVM: a page that is given up goes with its last use as a root"),
        Wrong(
            "never-zapped",
            all_of(gone, negate(made.of_tdp), last, made.invalid, negate(made.zapped)),
            f"{name} leaves a page that was given up while it was a root, and that nobody uses any more.",
        ).told("left", "KVM: a page that is given up goes with its last use as a root"),
        Wrong(
            "uses-miscounted",
            any_of(
                negate(iff(made.put, all_of(gone, made.of_tdp))),
                ne(made.count_after, ite(all_of(gone, negate(made.of_tdp)), made.count - 1, made.count)),
                all_of(gone, ne(made.hpa_after, _INVALID)),
            ),
            f"{name} counts another number of uses of a root than there are.",
        ).told("another count", "KVM: each root of an MMU is one use"),
    )


def _synced(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.kept_roots.synced(), "kvm_mmu_sync_roots()"
    looks = all_of(negate(made.direct), _there(made.root))
    small = ult(zext(made.guest_level, 8), _PAE_LEVELS)
    stale = any_of(
        all_of(negate(small), _is_unsync(made.root), negate(made.synced)),
        *(
            all_of(small, ne(entry, 0), negate(done))
            for entry, done in zip(made.entries, made.synced_entries, strict=True)
        ),
    )
    return never(
        given(
            Assumption("a guest's tables have up to five levels", ule(made.guest_level, _LEVELS)),
            Assumption("the page of zeros has no page of SPTEs", negate(all_of(made.root.dummy, made.root.with_page))),
            shown=(
                Shown("root", made.root.hpa),
                Shown("levels of the guest's tables", made.guest_level),
                Shown("root out of sync", made.root.unsync),
                Shown("out of sync below", made.root.unsync_below),
                *(Shown(f"pae_root[{number}]", entry) for number, entry in enumerate(made.entries)),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "left-unsynced",
            all_of(looks, stale),
            f"{name} leaves SPTEs below a root as they were before the guest's flush.",
        ).told(
            "pages below are not gone through", "SDM 5.10.4.1, APM 5.5.2: a flush forgets what the guest has changed"
        ),
        Wrong(
            "mmio-remembered",
            all_of(looks, negate(made.mmio_forgotten)),
            f"{name} lets KVM remember an access to MMIO of before the guest's flush.",
        ).told("remembered", "SDM 5.10.4.1, APM 5.5.2: a flush forgets what the guest has changed"),
    )


def _loaded(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.kept_roots.loaded(), "kvm_mmu_load()"
    done = eq(made.answer, 0)
    right = ite(made.direct, made.made_direct, made.made_shadow)
    return never(
        given(shown=(Shown("root_role.direct", made.direct), Shown("answer", made.answer)), evidence=made.evidence),
        Wrong(
            "runs-without-tables",
            all_of(done, negate(all_of(made.topped_up, made.special, right, made.made, made.loaded))),
            f"{name} lets the vCPU run, and not all is there that its tables need.",
        ).told("0", "KVM: roots of the kind that the role has, loaded once they are there"),
        Wrong(
            "another-kind",
            any_of(all_of(made.direct, made.made_shadow), all_of(negate(made.direct), made.made_direct)),
            f"{name} makes roots of the other kind than the role has.",
        ).told("roots of the other kind", "KVM: direct roots map frames, others shadow the guest's tables"),
        Wrong(
            "stale-tables", all_of(done, negate(made.synced)), f"{name} loads tables that are not brought up to date."
        ).told("not synchronized", "KVM: a root that is found may be out of sync"),
        Wrong(
            "stale-translations",
            all_of(done, negate(made.flushed)),
            f"{name} lets the processor use what it has cached of other tables with the same tag.",
        ).told(
            "no flush", "KVM's comment in it: stale entries for a root that is new, and freeing one flushes nothing"
        ),
    )


THEOREMS = (
    Theorem(
        name="role.swept-roots",
        claim="Of the roots that an MMU keeps, each goes that has to. That is so if memory slots have left it "
        "behind, if it is of an L2 that is left, or if its tables may be out of sync. No other goes. All go where MMUs "
        "are set up anew.",
        source="KVM's comments at is_obsolete_root() and in kvm_mmu_sync_prev_roots()",
        assumes=("the page of zeros has no page of SPTEs: it is allocated once, beside the MMU",),
        state=several(_swept),
        catches=(
            Catch("roots-pageless-kept", "stale-root-kept"),
            Catch("roots-own-unsync-only", "stale-root-kept"),
            Catch("roots-nested-kept", "stale-root-kept"),
            Catch("roots-kept-when-reset", "stale-root-kept"),
            Catch("roots-mmio-remembered", "mmio-remembered"),
        ),
    ),
    Theorem(
        name="role.freed-root",
        claim="A root that is given up is one use less of its page. A page that was given up goes with its last use.",
        source="KVM: mmu_free_root_page()",
        assumes=("a page that is a root counts its uses: mmu_alloc_root() does",),
        state=alone(_freed),
        catches=(Catch("roots-zapped-while-used", "zapped-in-use"), Catch("roots-freed-twice", "uses-miscounted")),
    ),
    Theorem(
        name="role.synced-roots",
        claim="When the guest flushes, all pages below the root in use are brought up to date: those of the root, "
        "or of each entry of a PAE root.",
        source="SDM 5.10.4.1; APM volume 2, 5.5.2; KVM: kvm_mmu_sync_roots()",
        assumes=(
            "the page of zeros has no page of SPTEs: it is allocated once, beside the MMU",
            "a page notes whether pages below it are out of sync: slot.unsynced-table proves it of its parents",
        ),
        state=alone(_synced),
        catches=(Catch("roots-own-unsync-only", "left-unsynced"), Catch("roots-skip-first-entry", "left-unsynced")),
    ),
    Theorem(
        name="role.loaded-roots",
        claim="A vCPU runs only on roots of the kind that its role has, which have been brought up to date, and after "
        "the processor has forgotten what it cached under their tag.",
        source="KVM's comment in kvm_mmu_load()",
        state=alone(_loaded),
        catches=(Catch("roots-loaded-unsynced", "stale-tables"), Catch("roots-loaded-unflushed", "stale-translations")),
    ),
)
