"""What a round of the loop does that takes away the pages of a range."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, bit, eq, ne, negate, ult

_LEVELS, _SMALL = 5, 1
_MAPS_PAGE = 7
"""The bit of an entry above level 1 that lets it map a page: SDM table 31-3, APM 5.4.1."""


def _state(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.range_rounds.zap()
    name = f"{made.function}()"
    present = ne(made.spte & kvm.constant("SPTE_MMU_PRESENT_MASK"), 0)
    leaf = all_of(present, any_of(eq(made.level, _SMALL), bit(made.spte, _MAPS_PAGE)))
    stays = all_of(made.in_range, made.goes_on, negate(made.yielded), leaf, negate(made.zapped))
    left = all_of(made.in_range, negate(made.goes_on))
    lost = all_of(
        made.goes_on,
        negate(made.yielded),
        negate(made.due_after),
        any_of(made.due, all_of(made.zapped, negate(made.unused))),
    )
    return never(
        given(
            Assumption("the walk stands at one of five levels", ult(made.level - 1, _LEVELS)),
            shown=(
                Shown("level of the walk", made.level),
                Shown("SPTE", made.spte, kind=NumberKind.SPTE),
                Shown("a flush is due before", made.due),
                Shown("a flush is due afterwards", made.due_after),
                Shown("the root is invalid", made.unused),
            ),
            evidence=made.evidence,
        ),
        Wrong("page-stays", any_of(stays, left), f"{name} leaves a page of the range mapped.").told(
            "the entry stays", "KVM: every leaf of the range is zapped"
        ),
        Wrong(
            "zaps-another",
            all_of(made.zapped, negate(all_of(made.in_range, leaf, negate(made.yielded)))),
            f"{name} clears an entry that maps no page, is not of the range, or may be another by now.",
        ).told("the entry is cleared", "KVM's comment in it: only leaf SPTEs are zapped"),
        Wrong("flush-forgotten", lost, f"{name} forgets that a flush is due.").told(
            "no flush is due", "KVM's comment in it: all but pages of invalid roots are flushed"
        ),
        Wrong(
            "yields-unflushed",
            all_of(made.yielded, made.due, negate(made.told)),
            f"{name} lets others in while a flush is due, and does not let it be done.",
        ).told("no flush before the lock is let go", "KVM's comment at tdp_mmu_iter_cond_resched()"),
        Wrong(
            "answers-wrongly",
            all_of(negate(made.in_range), made.due, negate(made.answer)),
            f"{name} does not answer that a flush is due.",
        ).told("no flush is due", "KVM: the caller flushes if it is told to"),
    )


THEOREMS = (
    Theorem(
        name="loop.zap",
        claim="A round of the loop that takes away the pages of a range clears the entry exactly if it maps a page of "
        "the range. From then on a flush is due, until it is done before others are let in or the caller is told. For "
        "pages of an invalid root none is due.",
        source="KVM's comments in tdp_mmu_zap_leafs() and at tdp_mmu_iter_cond_resched()",
        assumes=("tdp_mmu_iter_cond_resched() flushes before it lets go of the lock, if it is told to: loop.yield",),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=alone(_state),
        catches=(Catch("zap-spares-huge-pages", "page-stays"), Catch("zap-forgets-earlier-flush", "flush-forgotten")),
    ),
)
