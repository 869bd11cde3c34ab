"""A walk of the TDP MMU that lets others in on its way: what is due is flushed first, and it begins anew."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.terms import all_of, any_of, negate


def _state(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.walk_yields.at_entry(), "tdp_mmu_iter_cond_resched()"
    interrupted = any_of(made.lets_in, made.frees)
    return never(
        given(
            shown=(Shown("a flush is due", made.due), Shown("the lock is given up", made.lets_in)),
            evidence=made.evidence,
        ),
        Wrong(
            "unflushed",
            all_of(interrupted, made.due, negate(made.flushed)),
            f"{name} gives its lock up while TLBs hold what is no longer in the tables.",
        ).told("no flush, or one that comes too late", "KVM's comment at it: a flush before yielding"),
        Wrong(
            "goes-on-blindly",
            all_of(interrupted, negate(made.noted)),
            f"{name} lets a walk go on in tables that may have been freed.",
        ).told("the walk does not know", "KVM's comment at it: iter->yielded is set"),
        Wrong(
            "untold",
            all_of(interrupted, negate(made.answers)),
            f"{name} lets its caller go on with an entry that may be another by now.",
        ).told("false", "KVM's comment at it: true if it has yielded"),
    )


THEOREMS = (
    Theorem(
        name="loop.yield",
        claim="A walk that gives its lock up, or lets tables be freed, has all TLBs flushed first if a flush is due. "
        "Its caller is told, and the walk knows that it has to begin anew.",
        source="KVM's comment at tdp_mmu_iter_cond_resched()",
        assumes=("the walk has not let others in at this entry before",),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=alone(_state),
        catches=(Catch("yield-unflushed-when-exclusive", "unflushed"), Catch("yield-unnoted", "goes-on-blindly")),
    ),
)
