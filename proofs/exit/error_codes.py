"""What KVM makes of an EPT violation or a nested page fault: the error code that its MMU gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mmuproof.model.evidence import CheckKind, Evidence
from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.exit_events import (
    QUALIFICATION_FLAGS,
    any_ept_violation,
    any_nested_page_fault,
    ept_violation_happens,
    error_code_flags,
    nested_page_fault_happens,
)
from mmuproof.proofs.given.relations import has, reads_have_a_bit
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import (
    FALSE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    eq,
    extract,
    iff,
    implies,
    ne,
    negate,
    ult,
)
from mmuproof.spec import ept_violation, nested_page_fault
from mmuproof.spec.ept_violation import EptViolation
from mmuproof.spec.reports import Observation

_SDM = "SDM 30.2.1, Table 30-7"
_APM = "APM 15.25.6"


def none_of(symptoms: Sequence[Symptom]) -> Bool:
    """A claim that is wrong in these ways and in no other."""
    return negate(any_of(*(symptom.when for symptom in symptoms)))


def warns(evidence: Evidence) -> Bool:
    """Whether a WARN of KVM's fires."""
    return any_of(*(negate(check.holds) for check in evidence.checks if check.kind is CheckKind.WARN))


def _differs(one: Bool, other: Bool) -> Bool:
    return negate(iff(one, other))


# -- EPT violations --------------------------------------------------------------------------------------------


def _ept_violation(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    exit_ = kvm.exits.ept_violation()
    advanced = bool_var("advanced information")
    event = any_ept_violation(mbec=exit_.has_mbec, advanced_information=advanced)
    asked, code = exit_.handed_on, exit_.handed_on.error_code
    rest = (
        Wrong(
            "not-handed-on",
            all_of(negate(asked.reached), negate(all_of(exit_.emulates_illegal_gpa, exit_.illegal_gpa))),
            "An EPT violation does not reach the MMU, and its address is none that is too wide for the guest.",
        ).told("the MMU is not asked", "KVM: the MMU handles every EPT violation"),
        Wrong(
            "too-wide-mapped",
            all_of(asked.reached, exit_.emulates_illegal_gpa, exit_.illegal_gpa),
            "The MMU maps an address that the guest's processor would refuse as too wide.",
        ).told("the MMU is asked", "SDM 4.1.4, 4.7: bits above MAXPHYADDR are reserved, and the access faults"),
        Wrong(
            "address",
            all_of(asked.reached, ne(asked.gpa, exit_.guest_physical_address)),
            "The MMU gets another address than the guest-physical address of the exit.",
        ).told("another address", "SDM 30.2.1: the guest-physical address field has the address"),
        Wrong("warning", warns(exit_.evidence), "KVM warns of an EPT violation that the hardware can report.").told(
            "a WARN fires", f"{_SDM}: the hardware can report it"
        ),
    )
    in_stage = _stage_symptoms(kvm, event, code)
    for part, linear, symptoms in (
        ("with a linear address", event.linear_address_valid, in_stage),
        ("without a linear address", negate(event.linear_address_valid), in_stage),
        ("access and presence", None, (*_access_symptoms(kvm, event, code), *rest)),
    ):
        here = [
            replace(each, when=each.when if each in rest else all_of(asked.reached, each.when), place=asked.place)
            for each in symptoms
        ]
        which = () if linear is None else (Assumption(f"an access {part}", linear),)
        yield never(
            given(
                ept_violation_happens(event),
                Assumption("KVM turns MBEC on only with advanced information", implies(event.mbec, advanced)),
                Assumption("the VM is no trust domain, whose exits another function handles", exit_.plain_vm),
                *which,
                shown=(
                    Shown("exit qualification", exit_.qualification, QUALIFICATION_FLAGS, NumberKind.EPT_VIOLATION),
                    Shown("mmu_has_mbec()", exit_.has_mbec),
                    Shown("error_code", code, error_code_flags(kvm), NumberKind.ERROR_CODE),
                ),
                evidence=exit_.evidence,
                part=part,
            ),
            *here,
            observations=(_qualification_seen(event, exit_.qualification),),
        )


def _qualification_seen(event: EptViolation, qualification: BitVec) -> Observation:
    return Observation(
        "the exit qualification is as SDM Table 30-7 defines it, and bits that it leaves undefined are any",
        ept_violation.reported(event),
        qualification,
    )


def _access_symptoms(kvm: Kvm, event: EptViolation, code: BitVec) -> tuple[Symptom, ...]:
    """How the access and the presence of the entry can be handed on wrongly."""
    access, permissions = event.access, event.permissions
    by_user = all_of(event.mbec, permissions.user_execute)
    present = all_of(event.walk_complete, any_of(permissions.read, permissions.write, permissions.execute, by_user))
    said_present = has(code, kvm.constant("PFERR_PRESENT_MASK"))
    known = ("PRESENT_MASK", "WRITE_MASK", "USER_MASK", "FETCH_MASK")
    stages = ("PFERR_GUEST_FINAL_MASK", "PFERR_GUEST_PAGE_MASK")
    allowed = 0
    for name in (*(f"PFERR_{each}" for each in known), *(each for each in stages if kvm.defines(each))):
        allowed |= kvm.constant(name)
    symptoms = [
        Wrong(
            "write",
            _differs(has(code, kvm.constant("PFERR_WRITE_MASK")), access.write),
            "The error code does not say whether the access was a write.",
        ).told("PFERR_WRITE_MASK is wrong", f"{_SDM}: bit 1 tells a data write"),
        Wrong(
            "fetch",
            _differs(has(code, kvm.constant("PFERR_FETCH_MASK")), access.fetch),
            "The error code does not say whether the access was a fetch.",
        ).told("PFERR_FETCH_MASK is wrong", f"{_SDM}: bit 2 tells an instruction fetch"),
        Wrong(
            "present-for-absent",
            all_of(said_present, negate(present)),
            "An entry is taken for present although no bit that counts is set.",
        ).told("PFERR_PRESENT_MASK is set", f"{_SDM}: bit 6 is undefined without MBEC, and bits 5:3 are 0"),
        Wrong(
            "absent-for-present",
            all_of(present, negate(said_present)),
            "An entry that grants something is taken for not present.",
        ).told("PFERR_PRESENT_MASK is clear", f"{_SDM}: bits 5:3, and 6 with MBEC, tell what the entries grant"),
        Wrong("other-bits", ne(code & ~allowed, 0), "The error code has a bit that no EPT violation has.").told(
            "another bit is set", f"{_SDM}: there is nothing of the kind"
        ),
    ]
    if not reads_have_a_bit(kvm):
        # PFERR_USER_MASK stands for a data read here; whether a read-modify-write is one is left open.
        only_reads = all_of(access.read, negate(access.write))
        said_read = has(code, kvm.constant("PFERR_USER_MASK"))
        symptoms.append(
            Wrong(
                "read",
                any_of(all_of(only_reads, negate(said_read)), all_of(said_read, negate(access.read))),
                "The error code does not say whether the access was a read.",
            ).told("PFERR_USER_MASK, which stands for a read, is wrong", f"{_SDM}: bit 0 tells a data read")
        )
    return tuple(symptoms)


def _stage_symptoms(kvm: Kvm, event: EptViolation, code: BitVec) -> tuple[Symptom, ...]:
    """How the stage of the translation, and user-ness, can be handed on wrongly."""
    final = has(code, kvm.constant("PFERR_GUEST_FINAL_MASK"))
    page = has(code, kvm.constant("PFERR_GUEST_PAGE_MASK"))
    symptoms = [
        Wrong(
            "final",
            _differs(final, event.translated),
            "The error code does not say whether the access was to the final translation.",
        ).told("PFERR_GUEST_FINAL_MASK is wrong", f"{_SDM}: bit 8 tells the final translation, if bit 7 is set"),
        Wrong(
            "guest-page",
            _differs(page, event.to_paging_structure),
            "The error code does not say whether the access was to a guest paging structure.",
        ).told(
            "PFERR_GUEST_PAGE_MASK is wrong",
            f"{_SDM}: bit 8 is clear for a paging structure, and says nothing if bit 7 is clear",
        ),
    ]
    if reads_have_a_bit(kvm) and kvm.has(Feature.ADVANCED_EXIT_INFORMATION):
        user = has(code, kvm.constant("PFERR_USER_MASK"))
        known = all_of(event.translated, event.advanced_information)
        symptoms += [
            Wrong(
                "user-without-translation",
                all_of(user, negate(event.translated)),
                "An access that is not to the translation of a linear address is taken for a user access.",
            ).told("PFERR_USER_MASK is set", f"{_SDM}: bit 9 is undefined unless bits 7 and 8 are set"),
            Wrong(
                "user",
                all_of(known, _differs(user, event.user_mode_address)),
                "The error code does not say whether the linear address is a user-mode address.",
            ).told("PFERR_USER_MASK is wrong", f"{_SDM}: bit 9 tells a user-mode address"),
        ]
    return tuple(symptoms)


# -- nested page faults ----------------------------------------------------------------------------------------

_FLAGS = (
    ("PFERR_PRESENT_MASK", "present", "the nested page is present"),
    ("PFERR_WRITE_MASK", "write", "the access was a write"),
    ("PFERR_RSVD_MASK", "reserved", "a reserved bit is set"),
    ("PFERR_FETCH_MASK", "fetch", "the access was a fetch"),
    ("PFERR_GUEST_FINAL_MASK", "final", "the fault was on the final translation"),
    ("PFERR_GUEST_PAGE_MASK", "guest-page-table", "the fault was on a guest page table"),
)
"""KVM's name of a flag, the manual's, and what it tells."""


def _npf(kvm: Kvm, _vendor: Vendor) -> Claim:
    exit_ = kvm.exits.npf()
    fault = any_nested_page_fault(gmet=exit_.gmet, cpl=extract(exit_.cpl, 1, 0))
    reported = nested_page_fault.reported(fault)
    asked, code = exit_.handed_on, exit_.handed_on.error_code
    user = has(code, kvm.constant("PFERR_USER_MASK"))
    hardware_user = bit(exit_.exit_info_1, reported.report.bit_of("user"))
    symptoms = [
        Wrong(
            name,
            all_of(asked.reached, _differs(has(code, kvm.constant(mask)), reported.readings[name].value)),
            f"The error code does not say whether {told}.",
        ).told(f"{mask} is wrong", f"{_APM}: EXITINFO1 bit {reported.report.bit_of(name)} tells whether {told}")
        for mask, name, told in _FLAGS
    ]
    named = kvm.constant("PFERR_USER_MASK")
    for mask, _, _ in _FLAGS:
        named |= kvm.constant(mask)
    # Memory of a guest with SEV-SNP is private where the C-bit says so.
    private = kvm.constant("PFERR_PRIVATE_ACCESS") if kvm.has(Feature.PRIVATE_ACCESS) else 0
    invented = all_of(ne(code & private, 0), negate(fault.encrypted))
    symptoms += [
        Wrong(
            "user-without-gmet",
            all_of(asked.reached, negate(exit_.gmet), negate(user)),
            "Without GMET, an access is not taken for a user access.",
        ).told("PFERR_USER_MASK is clear", f"{_APM}: every nested access is a user access without GMET"),
        Wrong(
            "user-of-data",
            all_of(asked.reached, exit_.gmet, negate(fault.fetch), _differs(user, hardware_user)),
            "With GMET, the user flag of an access to data is not what the hardware reports.",
        ).told("PFERR_USER_MASK is another", f"{_APM}: EXITINFO1 bit 2 tells"),
        Wrong(
            "other-bits",
            all_of(asked.reached, any_of(ne((code ^ exit_.exit_info_1) & ~(named | private), 0), invented)),
            "The error code has other bits than EXITINFO1.",
        ).told("another bit is set or lost", f"{_APM}: EXITINFO1 tells of the fault"),
        Wrong(
            "address",
            all_of(asked.reached, ne(asked.gpa, exit_.exit_info_2)),
            "The MMU gets another address than EXITINFO2.",
        ).told("another address", f"{_APM}: EXITINFO2 has the guest-physical address"),
        Wrong(
            "not-handed-on",
            all_of(negate(asked.reached), negate(fault.reserved)),
            "A nested page fault without reserved bits does not reach the MMU.",
        ).told("the MMU is not asked", "KVM: only MMIO, which has a reserved bit set, can be done without it"),
        Wrong("warning", warns(exit_.evidence), "KVM warns of an EXITINFO1 that the hardware can report.").told(
            "a WARN fires", f"{_APM}: the hardware can report it"
        ),
    ]
    return never(
        given(
            nested_page_fault_happens(fault),
            _level(exit_.cpl),
            shown=(
                Shown("EXITINFO1", exit_.exit_info_1, error_code_flags(kvm), NumberKind.EXIT_INFO_1),
                Shown("vmcb.GMET", exit_.gmet),
                Shown("error_code", code, error_code_flags(kvm), NumberKind.ERROR_CODE),
            ),
            evidence=exit_.evidence,
        ),
        *symptoms,
        observations=(Observation(_AS_DEFINED, reported, exit_.exit_info_1),),
    )


_AS_DEFINED = "EXITINFO1 is as APM 15.25.6 defines it, less what an erratum makes unreliable"


def _level(cpl: BitVec) -> Assumption:
    return Assumption("a privilege level is 0 to 3", ult(cpl, 4))


def _npf_1218(kvm: Kvm, _vendor: Vendor) -> Claim:
    exit_ = kvm.exits.npf()
    if exit_.gmet is FALSE:
        raise NotThere(["SVM_MISC_ENABLE_GMET"])
    fault = any_nested_page_fault(gmet=exit_.gmet, cpl=extract(exit_.cpl, 1, 0))
    asked = exit_.handed_on
    user = has(asked.error_code, kvm.constant("PFERR_USER_MASK"))
    of_fetch = all_of(asked.reached, exit_.gmet, fault.fetch)
    at_3 = eq(exit_.cpl, 3)
    symptoms = (
        Wrong(
            "user-below-3",
            all_of(of_fetch, user, negate(at_3)),
            "With GMET, a fetch at CPL 0 to 2 is taken for a user fetch.",
        ).told("PFERR_USER_MASK is set", "APM Table 15-21: a fetch is a user access at CPL 3 only"),
        Wrong(
            "supervisor-at-3",
            all_of(of_fetch, negate(user), at_3),
            "With GMET, a fetch at CPL 3 is taken for a supervisor fetch.",
        ).told("PFERR_USER_MASK is clear", "APM Table 15-21: a fetch at CPL 3 is a user access"),
    )
    return never(
        given(
            nested_page_fault_happens(fault),
            _level(exit_.cpl),
            shown=(
                Shown("EXITINFO1", exit_.exit_info_1, error_code_flags(kvm), NumberKind.EXIT_INFO_1),
                Shown("vmcb.GMET", exit_.gmet),
                Shown("CPL", exit_.cpl),
                Shown("error_code", asked.error_code, error_code_flags(kvm), NumberKind.ERROR_CODE),
            ),
            evidence=exit_.evidence,
        ),
        *symptoms,
        observations=(Observation(_AS_DEFINED, nested_page_fault.reported(fault), exit_.exit_info_1),),
    )


THEOREMS = (
    Theorem(
        name="exit.ept-violation",
        claim="The error code that KVM makes of an EPT violation says what the hardware said. It says whether "
        "this was a write or a fetch, whether an entry is present, and whether it was a final translation "
        "or a guest paging structure. Bit 6 tells of a present entry only with MBEC. Of a final "
        "translation alone it says whether the linear address is a user-mode address.",
        source="SDM 30.2.1, Table 30-7",
        assumes=(
            "the hardware reports what the manual defines, and anything in bits that it leaves undefined",
            "MBEC is on only with advanced information: gating.mbec-needs-advanced-info",
            "mmu_has_mbec() says whether MBEC is on in the VMCS in use: role.vendor-bit, gating.vmcs02",
            "the register cache holds what the VMCS does",
            "the VM is no trust domain: TDX has a handler of its own",
        ),
        vendors=(Vendor.INTEL,),
        state=several(_ept_violation),
        catches=(
            Catch("ept-present-by-bit-6", "present-for-absent"),
            Catch("ept-present-without-xu", "absent-for-present"),
            Catch("ept-user-of-paging-structure", "user-without-translation"),
            Catch("ept-stage-without-linear-address", "guest-page"),
            Catch("ept-fetch-lost", "fetch"),
            Catch("ept-too-wide-mapped", "too-wide-mapped"),
        ),
    ),
    Theorem(
        name="exit.npf",
        claim="The error code that KVM makes of a nested page fault is EXITINFO1, but for the user flag of a fetch "
        "with GMET; and KVM warns of nothing that the hardware can report.",
        source="APM 15.25.6",
        assumes=(
            "the hardware reports what the manual defines: bits of EXITINFO1 without a name are 0",
            "a privilege level is 0 to 3",
        ),
        vendors=(Vendor.AMD,),
        state=alone(_npf),
        catches=(Catch("npf-user-by-cpl-for-data", "user-of-data"), Catch("npf-final-as-synthetic", "final")),
    ),
    Theorem(
        name="exit.npf-1218",
        claim="With GMET, a fetch is a user fetch for KVM exactly if CPL is 3, whether or not erratum 1218 makes bit 2 "
        "of EXITINFO1 unreliable.",
        source="APM 15.25.13, Table 15-21; erratum 1218",
        assumes=(
            "the hardware reports what the manual defines, but for what erratum 1218 makes unreliable",
            "a privilege level is 0 to 3",
        ),
        vendors=(Vendor.AMD,),
        needs=(Need(Feature.GMET),),
        state=alone(_npf_1218),
        catches=showing("user-below-3", "npf-without-1218", "npf-1218-by-cpl-0"),
    ),
)
