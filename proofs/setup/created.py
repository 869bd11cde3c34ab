"""What the MMUs of a new vCPU begin with: no root, no present entry, and the walks that are meant for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mmuproof.model.created_mmus import INVALID_PAGE
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, eq, ne, negate
from mmuproof.spec import ept, npt, paging

_PRESENT: Mapping[Vendor, Callable[[BitVec], Bool]] = MappingProxyType(
    {
        # Whether MBEC is in use or not, as the execute bit for users counts only with it.
        Vendor.INTEL: lambda entry: ept.present(entry, mbec=TRUE),
        Vendor.AMD: npt.present,
        Vendor.SHADOW: paging.present,
    }
)


def _created(kvm: Kvm, vendor: Vendor) -> Claim:
    made, name, present = kvm.created_mmus.created(), "kvm_mmu_create()", _PRESENT[vendor]
    shadows = negate(made.tdp) if vendor is Vendor.SHADOW else made.tdp
    return never(
        given(
            Assumption("the VM runs on tables of the vendor's kind", shadows),
            Assumption("the MMUs could be made", made.done),
            shown=(
                Shown("the first root", made.roots[0]),
                Shown("an entry of a new table", made.fill),
                Shown("new tables are zeroed", made.zeroed),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "another-walk", negate(made.walks), f"{name} lets an MMU or the vCPU use another part than its own."
        ).told(
            "an MMU shadows tables that are not its own", "KVM: root_mmu for the guest's tables, guest_mmu for L1's"
        ),
        Wrong(
            "a-root",
            any_of(*(ne(root, INVALID_PAGE) for root in made.roots)),
            f"{name} leaves a root where there is none yet.",
        ).told("an address counts as a root's", "KVM: INVALID_PAGE until a root is made"),
        Wrong("present", present(made.fill), f"After {name} new tables begin with entries that are present.").told(
            "a new table maps something", "KVM: SHADOW_NONPRESENT_VALUE"
        ),
        Wrong(
            "unfilled",
            any_of(all_of(made.zeroed, ne(made.fill, 0)), all_of(negate(made.zeroed), eq(made.fill, 0))),
            f"After {name} new tables are not filled, or are zeroed and filled.",
        ).told("what a page held before, or no page at all", "kvm_mmu_memory_cache: gfp_zero or init_value"),
        Wrong(
            "no-table",
            all_of(negate(made.tdp), negate(made.has_table)),
            f"{name} makes no table of four entries where PAE paging needs one.",
        ).told("PAE's PDPTEs have no place", "KVM's comment in __kvm_mmu_create()"),
        Wrong(
            "present-in-root",
            all_of(made.has_table, any_of(*(paging.present(each) for each in made.entries))),
            f"After {name} the table of four entries has some that are present.",
        ).told("PAE's PDPTEs map something", "KVM: INVALID_PAE_ROOT"),
    )


THEOREMS = (
    Theorem(
        name="setup.created",
        claim="A new vCPU uses the MMU for its guest's own tables, and each MMU the walk that is meant for it. No MMU "
        "has a root, and new tables begin with entries that are not present. Without two-dimensional paging there is "
        "a table for PAE's four entries, none of which is present.",
        source="SDM 28.3.2; APM 15.25; SDM 4.4.1; KVM's comment in __kvm_mmu_create()",
        assumes=(),
        state=alone(_created),
        catches=(
            Catch("new-vcpu-other-mmu", "another-walk"),
            Catch("new-vcpu-root-at-zero", "a-root"),
            Catch("new-tables-filled-with-present-entries", "present"),
            Catch("new-pae-root-present", "present-in-root"),
            Catch("new-pae-root-missing", "no-table"),
        ),
    ),
)
