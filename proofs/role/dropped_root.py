"""A root of the TDP MMU that is let go: it is freed once nobody holds it, and not before."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.terms import all_of, any_of, negate


def _state(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.dropped_roots.dropped(), "kvm_tdp_mmu_put_root()"
    return never(
        given(
            shown=(
                Shown("nobody holds the root", made.last),
                Shown("it is freed", made.freed),
                Shown("it is off the list", made.unlisted),
            ),
            evidence=made.evidence,
        ),
        Wrong("uncounted", negate(made.counted), f"{name} does not let go of the root that it is told.").told(
            "the root is held as often as before", "KVM: tdp_mmu_root_count counts who holds a root"
        ),
        Wrong(
            "freed-while-held",
            any_of(made.at_once, all_of(made.freed, negate(made.last))),
            f"{name} frees a root that vCPUs may run on, or that others may walk.",
        ).told("the page is freed", "KVM's comments at tdp_mmu_root_count and at tdp_mmu_free_sp_rcu_callback()"),
        Wrong(
            "freed-while-listed",
            any_of(all_of(made.freed, negate(made.unlisted)), made.listed_still),
            f"{name} frees a root that the list of the VM's roots still has.",
        ).told("the list leads to memory of others", "KVM: kvm->arch.tdp_mmu_roots has the roots that there are"),
        Wrong(
            "never-freed", all_of(made.last, negate(made.freed)), f"{name} does not free a root that nobody holds."
        ).told("the page stays", "KVM: the last reference frees the root"),
    )


THEOREMS = (
    Theorem(
        name="role.dropped-root",
        claim="A root of the TDP MMU that is let go is held once less. If nobody holds it then, it is taken off the "
        "list and freed once nobody walks it; otherwise it stays.",
        source="KVM's comments in kvm_tdp_mmu_put_root() and at tdp_mmu_free_sp_rcu_callback()",
        assumes=("who lets a root go has held it: role.tdp-root, loop.roots",),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=alone(_state),
        catches=(
            Catch("dropped-root-freed-while-held", "freed-while-held"),
            Catch("dropped-root-stays-listed", "freed-while-listed"),
        ),
    ),
)
