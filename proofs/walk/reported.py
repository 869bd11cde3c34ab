"""What a walk of guest tables that fails tells of the fault, for whoever is to get it."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.exit_events import QUALIFICATION_FLAGS, field_symptoms
from mmuproof.proofs.given.failing_walks import ASSUMES, FailingWalk, failing_walk, ordinary_walks
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.given.walked_tables import TABLES
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, bit, iff, ne, negate
from mmuproof.spec import ept_violation, page_fault
from mmuproof.spec.access import Access
from mmuproof.spec.paging import LinearAccess

_STAGE = ("linear-address-valid", "final")
_OF_THE_WALK = ("data-read", "data-write", "fetch", "readable", "writable", "executable", "user-executable")


def _common(failing: FailingWalk) -> tuple[Symptom, ...]:
    fault, nested = failing.walk, failing.is_nested
    return (
        Wrong("another-address", ne(fault.address, failing.walk.addr), "A fault is told of another address.").told(
            "another address", "SDM 5.7, 30.2.1, APM 8.4.2, 15.25.6: the address that could not be translated"
        ),
        Wrong(
            "another-stage",
            negate(fault.nested) if nested else fault.nested,
            "A fault of one stage of translation is told as one of the other.",
        ).told("another stage", "SDM 5.7, 30.2.1, APM 15.25.6: whose tables deny the access decides who is told"),
    )


def _flag(failing: FailingWalk, name: str, number: int, wanted: Bool) -> Symptom:
    told = bit(failing.walk.error_code, number)
    return Wrong(
        name, negate(iff(told, wanted)), f"A walk tells the wrong cause of a fault, in bit {number} of the error code."
    ).told(f"bit {number} is wrong", "SDM 5.7, APM 8.4.2, 15.25.6: the flags of the error code")


def _linear(failing: FailingWalk) -> LinearAccess:
    write, fetch = failing.access_has("WRITE_MASK"), failing.access_has("FETCH_MASK")
    return LinearAccess(
        Access(all_of(negate(write), negate(fetch)), write, fetch),
        user_mode=failing.access_has("USER_MASK"),
        implicit=FALSE,
    )


def _of_ordinary(failing: FailingWalk) -> Claim:
    fault, cause, access = failing.walk, failing.cause, _linear(failing)
    code = fault.error_code
    symptoms = [
        _flag(failing, "present", page_fault.PRESENT_FLAG, page_fault.present_flag(cause)),
        _flag(failing, "write", page_fault.WRITE_FLAG, page_fault.write_flag(access)),
        _flag(failing, "user", page_fault.USER_FLAG, page_fault.user_flag(access)),
        _flag(failing, "reserved", page_fault.RESERVED_FLAG, page_fault.reserved_flag(cause)),
        _flag(failing, "shadow-stack", page_fault.SHADOW_STACK_FLAG, failing.access_has("SS_MASK")),
        _flag(failing, "key", page_fault.PROTECTION_KEY_FLAG, all_of(negate(cause.not_present), cause.key)),
    ]
    named = [bit_number for field in page_fault.FLAGS if (bit_number := field.bit) < 16]
    stage = 0
    if failing.kind is MmuKind.NESTED_NPT and fault.keeps_stage:
        masks = [failing.kvm.constant(f"PFERR_GUEST_{name}_MASK") for name in ("FINAL", "PAGE")]
        stage = sum(masks)
        symptoms.append(
            Wrong(
                "guest-stage",
                ne(code & stage, failing.walk.access & stage),
                "A nested fault is told as one of another access than it is: to a page table, or to a page.",
            ).told("bits 33:32 are wrong", "APM 15.25.6: which of the guest's addresses could not be translated")
        )
    allowed = sum(1 << number for number in named) | stage
    symptoms.extend(
        (
            Wrong("other-bits", ne(code & ~allowed, 0), "An error code has a bit without a meaning.").told(
                "another bit is set", "SDM 5.7, APM 8.4.2: it is 0"
            ),
            Wrong(
                "another-exception",
                any_of(ne(fault.vector, page_fault.VECTOR), negate(fault.has_error_code), fault.asynchronous),
                "A walk that fails gives another exception than a page fault with an error code.",
            ).told("no page fault", "SDM 5.7, APM 8.2.15: exception 14, which has an error code"),
        )
    )
    shown = Shown("the error code", code, relations.pferr_flags(failing.kvm), NumberKind.ERROR_CODE)
    return never(failing.case(failing.name, shown), *_common(failing), *symptoms)


def _of_ept(failing: FailingWalk) -> Claim:
    kvm, fault, cause = failing.kvm, failing.walk, failing.cause
    misconfigured = has(fault.error_code, kvm.constant("PFERR_RSVD_MASK"))
    event = failing.violation(failing.access, structure=failing.access_has("GUEST_PAGE_MASK"))
    reported = ept_violation.reported(event, any_processor=True)
    told, earlier = fault.exit_qualification, fault.earlier_qualification
    violation = negate(cause.reserved)
    names = _OF_THE_WALK if earlier is not None else (*_OF_THE_WALK, *_STAGE)
    stage, allowed = (
        sum(1 << reported.report.bit_of(name) for name in fields) for fields in (_STAGE, (*_OF_THE_WALK, *_STAGE))
    )
    symptoms = list(field_symptoms(reported, told, "SDM Table 30-7", "exit qualification", names=names, when=violation))
    if earlier is not None:
        symptoms.append(
            Wrong(
                "stage-lost",
                all_of(violation, ne(told & stage, earlier & stage)),
                "What the processor has said of the linear address is lost.",
            ).told("bits 8:7 are others", "SDM Table 30-7: bits 8:7 are of the linear address")
        )
    return never(
        failing.case(
            failing.name,
            Shown("MBEC for L2", failing.mbec),
            Shown("the exit qualification", told, QUALIFICATION_FLAGS, NumberKind.EPT_VIOLATION),
            when=(
                Assumption(
                    "an access fetches or reads and writes data, and one to a paging structure reads: "
                    "nested.structure-access",
                    ept_violation.can_happen(event),
                ),
            ),
        ),
        *_common(failing),
        Wrong(
            "misconfiguration-missed",
            all_of(cause.reserved, negate(misconfigured)),
            "L1 is to get an EPT violation where its entry is misconfigured.",
        ).told("RSVD is clear", "SDM 31.3.3.1: a misconfiguration is no violation"),
        Wrong(
            "misconfiguration-invented",
            all_of(violation, misconfigured),
            "L1 is to get an EPT misconfiguration where its entries deny the access.",
        ).told("RSVD is set", "SDM 31.3.3.2: a violation is no misconfiguration"),
        *symptoms,
        Wrong(
            "other-bits",
            all_of(violation, ne(told & ~allowed, 0)),
            "The walk sets a bit of the exit qualification of which it knows nothing.",
        ).told("another bit is set", "SDM Table 30-7: the walk tells bits 8:0"),
    )


def _reported(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    if vendor is Vendor.INTEL:
        for tables in TABLES[vendor]:
            yield _of_ept(failing_walk(kvm, vendor, MmuKind.NESTED_EPT, tables))
    for failing in ordinary_walks(kvm, vendor):
        yield _of_ordinary(failing)


THEOREMS = (
    Theorem(
        name="walk.reported",
        claim="A walk of guest tables that fails tells why: the address, whose tables denied it, and the page fault's "
        "error code. Of EPT it tells whether it is a misconfiguration, and if not, what the access was and what the "
        "entries grant, as the exit qualification says it.",
        source="SDM 5.7, 30.2.1, 31.3.3; APM 8.4.2, 15.25.6",
        assumes=(*ASSUMES, "before ACC_READ_MASK, the user flag of an access to EPT says that it reads"),
        state=several(_reported),
        catches=(
            Catch("walk-fault-user-lost", "user"),
            Catch("walk-fault-write-lost", "write"),
            Catch("walk-fault-malformed-absent", "present"),
            *showing("reserved", "walk-fault-malformed-denied"),
            Catch("walk-fault-key-lost", "key"),
            Catch("walk-fault-of-own-tables", "another-stage"),
            Catch("walk-fault-stage-lost", "guest-stage"),
            Catch("walk-fault-whole-access", "other-bits"),
            Catch("walk-fault-of-page", "another-address"),
            Catch("walk-fault-general-protection", "another-exception"),
            Catch("walk-fault-last-rights", "readable"),
            Catch("walk-fault-no-user-execute", "user-executable"),
            *showing("data-read", "walk-fault-fetch-is-read", "walk-fault-write-is-read"),
            Catch("walk-fault-always-final", "data-read"),
            *showing("misconfiguration-missed", "mbec-left-out-of-role", "nested-ept-role-kept"),
            Catch("pk-flag-at-ss", "shadow-stack"),
            *showing("present", "walk-passes-large-page", "walk-ends-without-pse"),
        ),
    ),
)
