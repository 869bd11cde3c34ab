"""A walk of the guest's tables begins where their owner has said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mmuproof.model.kvm import Kvm
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.set_ups import SetUpCall
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walk_starts import NestedTables
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.expected_roles import KINDS, asked
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.terms import bv, ne, negate

_NESTED: Mapping[Vendor, NestedTables] = MappingProxyType(
    {Vendor.INTEL: NestedTables.EPT, Vendor.AMD: NestedTables.NPT}
)
_SAYS: Mapping[NestedTables, str] = MappingProxyType(
    {
        NestedTables.EPT: "SDM 27.6.11: the EPT pointer of the VMCS has where the tables begin",
        NestedTables.NPT: "APM 15.25.3: nCR3 of the VMCB has where the tables begin",
    }
)
_OWN_TABLES = "SDM 5.5, APM 5.3: CR3 has where a guest's own tables begin"


def _of_l1(kvm: Kvm, tables: NestedTables) -> Claim:
    made, name = kvm.walk_starts.nested(tables), f"{tables.value}()"
    return never(
        given(
            shown=(Shown("where the tables begin", made.told), Shown("where the walk begins", made.tables)),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "starts-elsewhere", ne(made.tables, made.told), f"{name} lets walks of L1's tables begin elsewhere."
        ).told("another address", _SAYS[tables]),
        Wrong(
            "other-mmu", negate(made.in_use), f"{name} leaves an MMU in use that is for other tables than L1's."
        ).told("another MMU", "KVM: while L2 runs on L1's tables, the MMU in use is the one of these"),
        Wrong(
            "faults-elsewhere", negate(made.faults_to_l1), f"{name} lets faults of L1's tables go to somebody else."
        ).told("not to L1", "SDM 30.2.1, APM 15.25.6: an access that these tables deny exits to who made them"),
    )


def _of_own(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    made = kvm.walk_starts.own()
    yield never(
        given(
            shown=(
                Shown("CR3", made.cr3),
                Shown("where a walk begins that is to begin there", made.tables),
                Shown("where another walk is to begin", made.others),
                Shown("where it begins", made.other),
            ),
            evidence=made.evidence,
            part="kvm_mmu_get_guest_pgd()",
        ),
        Wrong("starts-elsewhere", ne(made.tables, made.cr3), "A walk of a guest's own tables begins elsewhere.").told(
            "another address", _OWN_TABLES
        ),
        Wrong("starts-at-cr3", ne(made.other, made.others), "A walk of other tables does not begin at those.").told(
            "another address", "KVM: each walk has a function that gives where its tables begin"
        ),
    )
    masks, wanted = kvm.masks.shadow_masks(vendor), asked("now")
    for kind in KINDS[vendor]:
        if kind in (MmuKind.NESTED_EPT, MmuKind.NESTED_NPT):
            continue
        set_up = kvm.set_ups.after((SetUpCall(kind, wanted.request, bv(0, 32)),), masks)
        yield never(
            given(wanted.possible, shown=wanted.shown, evidence=set_up.evidence, part=kind.value),
            Wrong(
                "starts-elsewhere",
                ne(set_up.handlers["get_guest_pgd"], made.function),
                "The set-up of walks of a guest's own tables leaves another function than that of CR3.",
            ).told("another function", _OWN_TABLES),
        )


def _begun(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    if vendor in _NESTED:
        yield _of_l1(kvm, _NESTED[vendor])
    yield from _of_own(kvm, vendor)


THEOREMS = (
    Theorem(
        name="walk.begun",
        claim="A walk of L1's EPT begins at the EPT pointer of its VMCS, one of its nested page tables at nCR3, and a "
        "walk of a guest's own tables at CR3. What L1's tables deny goes to L1.",
        source="SDM 27.6.11, 5.4.1, 5.5; APM 15.25.3",
        assumes=(
            "what a walk does from there on is walk.reached",
            "which root is loaded is role.new-root",
            "where the entries of PAE paging are read is role.page-directory-pointers",
        ),
        state=several(_begun),
        catches=(
            Catch("starts-ept-at-cr3", "starts-elsewhere"),
            Catch("starts-at-own-cr3", "starts-elsewhere"),
            Catch("starts-faults-to-l2", "faults-elsewhere"),
            Catch("starts-always-at-cr3", "starts-at-cr3"),
        ),
    ),
)
