"""What the MMU of a new VM begins with: no tables, memory of zeros for those to come, and a value for MMIO."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, all_of, ne, negate


def _created(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.created_vms.created(), "kvm_mmu_init_vm()"
    shown = () if made.mmio_value is None else (Shown("shadow_mmio_value", made.mmio_value),)
    return never(
        given(
            Assumption("the VM could be made", made.done),
            shown=(Shown("the TDP MMU is used", made.tdp_mmu), *shown),
            evidence=made.evidence,
        ),
        Wrong(
            "another-mmio-value",
            FALSE if made.mmio_value is None else ne(made.own_mmio_value, made.mmio_value),
            f"{name} lets a VM tell SPTEs of MMIO by another value than the one that the masks are made for.",
        ).told("another value", "KVM's comment at kvm_mmu_set_mmio_spte_mask(): they belong together"),
        Wrong(
            "garbage",
            negate(all_of(*made.zeroed)),
            f"{name} lets tables that huge pages are split into, or what describes them, begin with other memory.",
        ).told("what a page held before", "KVM: an entry that is present already is left as it is"),
        Wrong(
            "lists-something", negate(all_of(*made.empty)), f"{name} leaves a list of tables that leads elsewhere."
        ).told("other memory is taken for tables", "KVM: a list that is empty leads back to its head"),
        Wrong(
            "no-tdp-mmu",
            all_of(made.tdp_mmu, negate(made.begins_tdp)),
            f"{name} lets a VM use the TDP MMU without a list of its roots.",
        ).told("other memory is taken for roots", "KVM: kvm_mmu_init_tdp_mmu() makes the list"),
    )


THEOREMS = (
    Theorem(
        name="setup.created-vm",
        claim="A new VM has no tables. What huge pages are split into later begins with zeros. The VM tells SPTEs of "
        "MMIO by the value that the masks are made for, and the TDP MMU's list of roots is begun where that is used.",
        source="KVM's comments in shadow_mmu_split_huge_page() and kvm_mmu_set_mmio_spte_mask()",
        assumes=("a VM is allocated as zeros: kvm_arch_alloc_vm()",),
        state=alone(_created),
        catches=(
            Catch("new-vm-without-mmio-value", "another-mmio-value"),
            Catch("new-vm-splits-into-garbage", "garbage"),
        ),
    ),
)
