"""What L1 is to be told of an access that KVM makes for L2 itself, and that L1's EPT denies."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.exit_events import QUALIFICATION_FLAGS, field_symptoms
from mmuproof.proofs.given.failing_walks import ASSUMES, failing_walk
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.given.walked_tables import TABLES
from mmuproof.proofs.theorem import Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, all_of, any_of, eq, negate, var
from mmuproof.spec import ept_violation
from mmuproof.spec.access import Access

_READS, _WRITES, _FETCHES = "data-read", "data-write", "fetch"


def _own(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for tables in TABLES[vendor]:
        failing = failing_walk(kvm, vendor, MmuKind.NESTED_EPT, tables)
        asked, guest = var("KVM's access", 64), var("guest's pte_access", 64)
        final = asked | kvm.constant("PFERR_GUEST_FINAL_MASK")
        handed = kvm.nested.translate_nested_gpa(vendor, var("gpa", 64), final, guest)
        writes, fetches = (has(asked, kvm.constant(f"PFERR_{each}_MASK")) for each in ("WRITE", "FETCH"))
        stages = kvm.constant("PFERR_GUEST_FINAL_MASK") | kvm.constant("PFERR_GUEST_PAGE_MASK")
        walk = failing.walk
        made = Access(negate(any_of(writes, fetches)), writes, fetches)
        event = failing.violation(made, structure=FALSE)

        yield never(
            failing.case(
                failing.name,
                Shown("KVM's access", asked, relations.pferr_flags(kvm), NumberKind.ERROR_CODE),
                Shown("the exit qualification", walk.exit_qualification, QUALIFICATION_FLAGS, NumberKind.EPT_VIOLATION),
                when=(
                    Assumption("the walk is for what KVM's access is handed on as", eq(walk.access, handed.access)),
                    Assumption("it is an access to a page, or to no linear address's", eq(asked & stages, 0)),
                    Assumption("KVM's access does not both write and fetch", negate(all_of(writes, fetches))),
                ),
            ),
            *field_symptoms(
                ept_violation.reported(event, any_processor=True),
                walk.exit_qualification,
                "SDM Table 30-7",
                "exit qualification",
                names=(_READS, _WRITES, _FETCHES),
                when=negate(failing.cause.reserved),
            ),
        )


THEOREMS = (
    Theorem(
        name="walk.own-access",
        claim="An access that KVM makes for L2 itself, and that L1's EPT denies, is reported as the read, the write or "
        "the fetch that it is.",
        source="SDM 30.2.1, Table 30-7",
        assumes=(*ASSUMES, "an instruction that reads and writes is emulated as one that reads, and one that writes"),
        vendors=(Vendor.INTEL,),
        state=several(_own),
        catches=showing(
            _READS,
            "walk-fault-fetch-is-read",
            "walk-fault-write-is-read",
            "nested-ept-role-kept",
            "walk-passes-large-page",
        ),
    ),
)
