"""The root of the TDP MMU that a vCPU gets: of its own role, and held."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.terms import all_of, any_of, ne, negate


def _taken(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.tdp_roots.taken(), "kvm_tdp_mmu_alloc_root()"
    return never(
        given(
            shown=(
                Shown("a mirror is wanted", made.mirror),
                Shown("role that is wanted", made.wanted),
                Shown("role of the root that is found", made.found_role),
                Shown("role of one that is listed", made.listed_role),
                Shown("a new root is made", made.made),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "another-role",
            any_of(
                all_of(made.found, ne(made.found_role, made.wanted)),
                all_of(made.listed, ne(made.listed_role, made.wanted)),
                all_of(made.made, ne(made.made_role, made.wanted)),
            ),
            f"{name} gives a vCPU a root of another role than its own.",
        ).told("the vCPU runs on tables that are made for another mode", "KVM: vCPUs share a root of equal roles"),
        Wrong(
            "not-held",
            any_of(all_of(made.listed, negate(made.held)), all_of(made.made, negate(made.made_held))),
            f"{name} gives a vCPU a root that can be freed under it, or is on no list.",
        ).told("too few hold it, or none finds it", "KVM's comment in it: one reference each for the vCPU and the MMU"),
        Wrong(
            "no-root", negate(any_of(made.found, made.listed, made.made)), f"{name} gives a vCPU no root, or another."
        ).told("no root of the VM's", "KVM: a vCPU runs on a root of its VM"),
        Wrong(
            "not-in-place",
            any_of(negate(made.in_place), made.beside),
            f"{name} puts the root in another place than the one it is for.",
        ).told("the vCPU's root or its mirror stays another", "KVM: root.hpa and mirror_root_hpa"),
    )


THEOREMS = (
    Theorem(
        name="role.tdp-root",
        claim="A vCPU gets a root of the TDP MMU that has the role of its MMU, with the mark of a mirror where one is "
        "wanted. It may be one that there is already, which is held then, or a new one, which is held twice and put "
        "on the VM's list. Its address is put where it belongs, and nowhere else.",
        source="KVM's comments in kvm_tdp_mmu_alloc_root()",
        assumes=(),
        state=alone(_taken),
        vendors=(Vendor.INTEL, Vendor.AMD),
        catches=(
            Catch("tdp-root-by-level", "another-role"),
            Catch("tdp-root-mirror-unmarked", "another-role"),
            Catch("tdp-root-held-once", "not-held"),
        ),
    ),
)
