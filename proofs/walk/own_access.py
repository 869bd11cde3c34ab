"""What L1 is to be told of an access that KVM makes for L2 itself, and that L1's EPT denies."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.model.walk_faults import FailedWalk
from mmuproof.proofs.claims import Wrong, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.exit_events import QUALIFICATION_FLAGS
from mmuproof.proofs.given.failing_walks import ASSUMES, failing_walk
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.given.walked_tables import TABLES
from mmuproof.proofs.theorem import Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool, all_of, any_of, bit, eq, iff, negate, var
from mmuproof.spec.ept_violation import EPT_VIOLATION

_READS, _WRITES, _FETCHES = "data-read", "data-write", "fetch"


def _told(name: str, walk: FailedWalk, wanted: Bool, violation: Bool) -> Symptom:
    number = EPT_VIOLATION.bit_of(name)
    told = bit(walk.exit_qualification, number)
    meaning = next(each.meaning for each in EPT_VIOLATION.fields if each.name == name)
    return Wrong(
        name,
        all_of(violation, negate(iff(told, wanted))),
        f"L1 is to be told wrongly in bit {number} of the exit qualification whether {meaning}, of an access of KVM's.",
    ).told(f"bit {number} says otherwise", f"SDM Table 30-7: bit {number} tells whether {meaning}")


def _own(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for tables in TABLES[vendor]:
        failing = failing_walk(kvm, vendor, MmuKind.NESTED_EPT, tables)
        asked, guest = var("KVM's access", 64), var("guest's pte_access", 64)
        final = asked | kvm.constant("PFERR_GUEST_FINAL_MASK")
        handed = kvm.nested.translate_nested_gpa(vendor, var("gpa", 64), final, guest)
        writes, fetches = (has(asked, kvm.constant(f"PFERR_{each}_MASK")) for each in ("WRITE", "FETCH"))
        stages = kvm.constant("PFERR_GUEST_FINAL_MASK") | kvm.constant("PFERR_GUEST_PAGE_MASK")
        walk, violation = failing.walk, negate(failing.cause.reserved)

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
            _told(_READS, walk, negate(any_of(writes, fetches)), violation),
            _told(_WRITES, walk, writes, violation),
            _told(_FETCHES, walk, fetches, violation),
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
