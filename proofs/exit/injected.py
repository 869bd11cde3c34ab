"""What L1 is told of a fault in its EPT or nested page tables: what bare hardware would have told it.

KVM finds such a fault in two ways.  It handles an EPT violation or nested page fault of L2, and passes it on; or it
makes an access for L2 itself, to emulate an instruction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mmuproof.model.exits import InjectedEptViolation, InjectedNpf
from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.exit.error_codes import warns
from mmuproof.proofs.given.exit_events import (
    QUALIFICATION_FLAGS,
    any_ept_violation,
    any_nested_page_fault,
    any_permissions,
    ept_violation_happens,
    error_code_flags,
    field_symptoms,
    nested_page_fault_happens,
)
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, Bool, all_of, bit, bool_var, eq, iff, implies, ne, negate, var
from mmuproof.spec import ept_violation, nested_page_fault
from mmuproof.spec.ept_violation import EptViolation
from mmuproof.spec.nested_page_fault import NestedPageFault
from mmuproof.spec.reports import Observation, Reported

_SDM = "SDM 30.2.1, Table 30-7"
_APM = "APM 15.25.6"
_OF_THE_WALK = ("data-read", "data-write", "fetch", "readable", "writable", "executable", "user-executable")
_STAGE = ("linear-address-valid", "final")

# -- EPT violations --------------------------------------------------------------------------------------------


def _injected_ept_violation(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    told = kvm.exits.injected_ept_violation()
    offered = _advanced_information_offered(kvm, told)
    mbec = bool_var("MBEC in vmcs12") if kvm.has(Feature.ADVANCED_EXIT_INFORMATION) else FALSE
    event = replace(
        any_ept_violation(mbec=mbec, advanced_information=offered),
        # KVM blocks NMIs again, as if IRET had not unblocked them, so there is nothing to be told.
        nmi_unblocking=FALSE,
        shadow_stack_control=FALSE,
        guest_paging_verification=FALSE,
        asynchronous=FALSE,
    )
    plain = replace(event, shadow_stack=FALSE)
    own = Assumption(
        "KVM has made the access itself, of a linear address as an instruction does",
        all_of(negate(told.from_hardware), event.linear_address_valid),
    )
    without = Assumption(
        "and L1 is offered no advanced information, or the access is to a paging structure",
        negate(all_of(event.final, offered)),
    )
    yield _passed_on_claim(kvm, told, plain, "passed on")
    yield _told_claim(kvm, told, plain, "found by KVM", (own, without))
    yield _misconfiguration_claim(kvm, told)
    yield _log_full_claim(told)
    if offered is not FALSE:
        with_ = Assumption(
            "and L1 is offered advanced information, of a final translation", all_of(event.final, offered)
        )
        yield _told_claim(kvm, told, plain, "found by KVM, with advanced information", (own, with_))
    if kvm.has(Feature.SHADOW_STACKS):
        # The tree knows shadow stacks, and L2 may have them.
        shadow = Assumption("and it is one of a shadow-stack access", event.shadow_stack)
        yield _passed_on_claim(kvm, told, event, "passed on, of a shadow-stack access", (shadow,))


def _advanced_information_offered(kvm: Kvm, told: InjectedEptViolation) -> Bool:
    """Whether L1 may expect advanced information; a tree that does not know of it does not offer it."""
    if not kvm.has(Feature.ADVANCED_EXIT_INFORMATION):
        return FALSE
    return bit(told.ept_caps, ept_violation.EPT_VPID_CAP_ADVANCED_INFORMATION)


def _told_claim(
    kvm: Kvm, told: InjectedEptViolation, event: EptViolation, part: str, which: tuple[Assumption, ...]
) -> Claim:
    """L1 is told of an EPT violation what the manual defines for it."""
    # For L1, KVM is the processor, and may decide what the manual leaves open.
    expected = ept_violation.reported(event, any_processor=True)
    symptoms = (
        *field_symptoms(expected, told.exit_qualification, _SDM, "exit qualification"),
        *_exit_symptoms(told, ept_violation.EXIT_REASON, "an EPT violation"),
    )
    return never(
        given(
            *_common(told),
            ept_violation_happens(event),
            *which,
            Assumption(
                "the fault is no misconfiguration: its error code has no RSVD",
                negate(has(told.error_code, kvm.constant("PFERR_RSVD_MASK"))),
            ),
            Assumption(
                "the walk of L1's EPT says what access it was and what the entries grant", _walk_says(told, expected)
            ),
            shown=(
                Shown("from_hardware", told.from_hardware),
                Shown("exit qualification", told.qualification, QUALIFICATION_FLAGS, NumberKind.EPT_VIOLATION),
                Shown("fault->exit_qualification", told.walked, QUALIFICATION_FLAGS, NumberKind.EPT_VIOLATION),
                Shown("told to L1", told.exit_qualification, QUALIFICATION_FLAGS, NumberKind.EPT_VIOLATION),
            ),
            evidence=told.evidence,
            part=part,
        ),
        *symptoms,
    )


def _passed_on_claim(
    kvm: Kvm, told: InjectedEptViolation, event: EptViolation, part: str, which: tuple[Assumption, ...] = ()
) -> Claim:
    """The same where the hardware has reported the access: it knows what no walk can find out."""
    advanced = bool_var("advanced information")
    # What the hardware's tables for L2 grant is not what L1's grant, and L1 may be offered less than KVM is.
    real = replace(
        event,
        permissions=any_permissions(" of the hardware's tables"),
        walk_complete=bool_var("every entry of the hardware's tables is present"),
        advanced_information=advanced,
        nmi_unblocking=bool_var("NMIs are unblocked"),
    )
    offered = Assumption(
        "KVM offers L1 advanced information only if the hardware has it", implies(event.advanced_information, advanced)
    )
    passed_on = Assumption("KVM passes on an EPT violation of L2", told.from_hardware)
    claim = _told_claim(kvm, told, event, part, (passed_on, offered, *which))
    says = "the exit qualification of L2's EPT violation is as SDM Table 30-7 defines it"
    return replace(claim, observations=(Observation(says, ept_violation.reported(real), told.qualification),))


def _walk_says(told: InjectedEptViolation, expected: Reported) -> Bool:
    """What is known of the exit qualification that the walk has made."""
    report = expected.report

    def agrees(name: str) -> Bool:
        return negate(expected.wrong(told.walked, name))

    known = [agrees(name) for name in _OF_THE_WALK]
    allowed = sum(1 << report.bit_of(name) for name in (*_OF_THE_WALK, *_STAGE))
    for name in _STAGE:
        if told.walk_knows_stage:
            known.append(implies(negate(told.from_hardware), agrees(name)))
        else:
            number = report.bit_of(name)
            kept = iff(bit(told.walked, number), bit(told.qualification, number))
            known.append(implies(told.from_hardware, kept))
    return all_of(*known, eq(told.walked & ~allowed, 0))


def _common(told: InjectedEptViolation) -> tuple[Assumption, ...]:
    return (
        Assumption("L1's page-modification log is not full, which would be told instead", negate(told.pml_full)),
        Assumption("the VM is no trust domain, which has no L2", told.plain_vm),
    )


def _exit_symptoms(told: InjectedEptViolation, reason: int, what: str) -> tuple[Symptom, ...]:
    return (
        Wrong("exit-reason", ne(told.exit_reason, reason), f"L1 is told of another exit than {what}.").told(
            "another exit reason", f"SDM appendix C: exit reason {reason}"
        ),
        Wrong(
            "address",
            ne(told.guest_physical_address, told.address),
            "L1 is told another address than the one that faulted.",
        ).told("another address", "SDM 30.2.1: the guest-physical address that faulted"),
        Wrong("warning", warns(told.evidence), "KVM warns of a fault that L1's tables can give.").told(
            "a WARN fires", f"{_SDM}: L1's tables can give the fault"
        ),
    )


def _log_full_claim(told: InjectedEptViolation) -> Claim:
    """L1's page-modification log has no room for the write that was to be logged."""
    report = ept_violation.EPT_VIOLATION
    unblocking = 1 << report.bit_of("nmi-unblocking")
    stray = ne(told.exit_qualification & ~(told.qualification & unblocking), 0)
    symptoms = (
        Wrong(
            "exit-reason",
            ne(told.exit_reason, ept_violation.LOG_FULL_EXIT_REASON),
            "L1 is told of another exit than that its page-modification log is full.",
        ).told("another exit reason", f"SDM appendix C: exit reason {ept_violation.LOG_FULL_EXIT_REASON}"),
        Wrong(
            "qualification-of-log-full",
            stray,
            "L1 is told more than NMI unblocking with a page-modification log that is full.",
        ).told("another exit qualification", "SDM 30.2.1: bit 12 tells NMI unblocking, and the others are 0"),
    )
    walked = (*_OF_THE_WALK, *_STAGE)
    kept = (
        ()
        if told.walk_knows_stage
        else (
            Assumption(
                "the walk leaves of the last EPT violation's exit qualification only bits 8:7",
                eq(told.walked & ~sum(1 << report.bit_of(name) for name in walked), 0),
            ),
        )
    )
    return never(
        given(
            Assumption("L1's page-modification log is full", told.pml_full),
            Assumption("the VM is no trust domain, which has no L2", told.plain_vm),
            *kept,
            shown=(
                Shown("exit qualification", told.qualification, QUALIFICATION_FLAGS, NumberKind.EPT_VIOLATION),
                Shown("told to L1", told.exit_qualification, QUALIFICATION_FLAGS, NumberKind.EPT_VIOLATION),
            ),
            evidence=told.evidence,
            part="page-modification log full",
        ),
        *symptoms,
    )


def _misconfiguration_claim(kvm: Kvm, told: InjectedEptViolation) -> Claim:
    symptoms = (
        *_exit_symptoms(told, ept_violation.MISCONFIGURATION_EXIT_REASON, "an EPT misconfiguration"),
        Wrong(
            "qualification-of-misconfiguration",
            ne(told.exit_qualification, 0),
            "L1 gets an exit qualification with an EPT misconfiguration.",
        ).told("the exit qualification is not 0", "SDM 30.2.1: it is 0 for exits that define none"),
    )
    return never(
        given(
            *_common(told),
            Assumption(
                "the walk of L1's EPT has found a misconfiguration: the fault's error code has RSVD",
                has(told.error_code, kvm.constant("PFERR_RSVD_MASK")),
            ),
            shown=(
                Shown("exit qualification", told.qualification, QUALIFICATION_FLAGS, NumberKind.EPT_VIOLATION),
                Shown("told to L1", told.exit_qualification, QUALIFICATION_FLAGS, NumberKind.EPT_VIOLATION),
            ),
            evidence=told.evidence,
            part="misconfiguration",
        ),
        *symptoms,
    )


# -- nested page faults ----------------------------------------------------------------------------------------

_OF_THE_NPT_WALK = ("present", "write", "user", "reserved", "fetch", "shadow-stack")
_NPT_STAGE = ("final", "guest-page-table")


def _injected_npf(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    told = kvm.exits.injected_npf()
    fault = replace(
        any_nested_page_fault(gmet=bool_var("GMET in vmcb12"), cpl=var("CPL", 2)),
        rmp=FALSE,
        encrypted=FALSE,
        size_mismatch=FALSE,
        vmpl=FALSE,
        shadow_stack_page=FALSE,
    )
    if not kvm.has(Feature.SHADOW_STACKS):
        # The tree knows no shadow stacks, and L2 has none.
        fault = replace(fault, shadow_stack=FALSE)
    real = replace(
        fault,
        present=bool_var("the hardware's nested page is present"),
        reserved=bool_var("a reserved bit is set in the hardware's tables"),
    )
    passed_on = (
        Assumption(
            "KVM passes on a nested page fault of L2",
            all_of(told.from_hardware, eq(told.last_exit_code, nested_page_fault.EXIT_CODE)),
        ),
        Assumption("of the address that the hardware reported", eq(told.address, told.last_exit_info_2)),
    )
    last = any_nested_page_fault(
        gmet=bool_var("GMET at the last exit"), cpl=var("CPL at the last exit", 2), of=" at the last exit"
    )
    was_npf = eq(told.last_exit_code, nested_page_fault.EXIT_CODE)
    another = all_of(
        nested_page_fault.can_happen(last),
        nested_page_fault.reported(last, any_processor=True).possible(told.last_exit_info_1),
    )
    own = (
        Assumption("KVM has made the access itself", negate(told.from_hardware)),
        Assumption("if the last exit was a nested page fault, it may have been another", implies(was_npf, another)),
    )
    seen = Observation(
        "EXITINFO1 of L2's nested page fault is as APM 15.25.6 defines it",
        nested_page_fault.reported(real),
        told.last_exit_info_1,
    )
    yield replace(_npf_claim(kvm, told, fault, "passed on", passed_on), observations=(seen,))
    yield _npf_claim(kvm, told, fault, "found by KVM", own)


def _npf_claim(kvm: Kvm, told: InjectedNpf, fault: NestedPageFault, part: str, which: tuple[Assumption, ...]) -> Claim:
    # For L1, KVM is the processor, and may decide what the manual leaves open.
    expected = nested_page_fault.reported(fault, any_processor=True)
    symptoms = (
        *field_symptoms(expected, told.exit_info_1, _APM, "EXITINFO1"),
        Wrong(
            "other-bits",
            ne(told.exit_info_1 & ~expected.report.named_bits, 0),
            "L1 finds a bit in EXITINFO1 that has no meaning.",
        ).told("another bit is set", f"{_APM}: it is 0"),
        Wrong(
            "exit-code",
            ne(told.exit_code, nested_page_fault.EXIT_CODE),
            "L1 is told of another exit than a nested page fault.",
        ).told("another exit code", "APM appendix C: VMEXIT_NPF"),
        Wrong(
            "address", ne(told.exit_info_2, told.address), "L1 is told another address than the one that faulted."
        ).told("EXITINFO2 has another address", f"{_APM}: EXITINFO2 has the address that faulted"),
        Wrong("warning", warns(told.evidence), "KVM warns of a fault that L1's tables can give.").told(
            "a WARN fires", f"{_APM}: L1's tables can give the fault"
        ),
    )
    flags = error_code_flags(kvm)
    return never(
        given(
            nested_page_fault_happens(fault),
            *which,
            Assumption(
                "the walk of L1's nested page tables says what access it was and why it is denied",
                _npt_walk_says(told, expected),
            ),
            shown=(
                Shown("from_hardware", told.from_hardware),
                Shown("fault->error_code", told.error_code, flags, NumberKind.ERROR_CODE),
                Shown("fault->address", told.address),
                Shown("last exit code", told.last_exit_code),
                Shown("last EXITINFO1", told.last_exit_info_1, flags, NumberKind.EXIT_INFO_1),
                Shown("last EXITINFO2", told.last_exit_info_2),
                Shown("EXITINFO1 for L1", told.exit_info_1, flags, NumberKind.EXIT_INFO_1),
                Shown("EXITINFO2 for L1", told.exit_info_2),
            ),
            evidence=told.evidence,
            part=part,
        ),
        *symptoms,
    )


def _npt_walk_says(told: InjectedNpf, expected: Reported) -> Bool:
    """What is known of the error code that the walk has made."""
    report = expected.report
    known = [negate(expected.wrong(told.error_code, name)) for name in _OF_THE_NPT_WALK]
    allowed = sum(1 << report.bit_of(name) for name in _OF_THE_NPT_WALK)
    if told.fault_knows_stage:
        allowed |= sum(1 << report.bit_of(name) for name in _NPT_STAGE)
        agrees = all_of(*(negate(expected.wrong(told.error_code, name)) for name in _NPT_STAGE))
        known.append(implies(negate(told.from_hardware), agrees))
    return all_of(*known, eq(told.error_code & ~allowed, 0))


THEOREMS = (
    Theorem(
        name="exit.injected-qualification",
        claim="What L1 is told of a fault in its EPT is what bare hardware would have told it: exit reason, address, "
        "and every defined bit of the exit qualification. That is so whether KVM passes on an EPT violation of "
        "L2 or has made the access itself, and if L1's page-modification log is full.",
        source=_SDM,
        assumes=(
            "the walk of L1's EPT gives the access and the permissions of the entries, bits 6:0: walk.reported",
            "the hardware reports what the manual defines of L2's EPT violation, and anything in bits that it "
            "leaves undefined",
            "L1 is offered advanced information only if the hardware has it: gating.ept-capabilities",
            "NMIs that IRET has unblocked are blocked again by handle_ept_violation(), so L1 need not be told",
            "neither guest-paging verification nor EPTP's shadow-stack control is offered to L1, and L2's "
            "accesses are not asynchronous",
            "a page-modification log that is full is told instead, and spoken of apart",
        ),
        vendors=(Vendor.INTEL,),
        state=several(_injected_ept_violation),
        catches=(
            *showing("linear-address-valid", "injected-stage-of-walk", "injected-stale-stage"),
            Catch("injected-without-advanced", "user-mode-address"),
            Catch("injected-misconfig-qualification", "qualification-of-misconfiguration"),
            Catch("log-full-tells-all", "qualification-of-log-full"),
        ),
    ),
    Theorem(
        name="exit.injected-npf",
        claim="What L1 is told of a fault in its nested page tables is what bare hardware would have told it: "
        "exit code, EXITINFO1 and EXITINFO2. That holds where KVM passes on a nested page fault of L2, "
        "and where it has made the access itself.",
        source=_APM,
        assumes=(
            "the walk of L1's nested page tables gives the low half of the error code, walk.reported, and for an "
            "access of KVM's own exactly one stage: nested.one-stage-bit",
            "the hardware reports what the manual defines of L2's nested page fault",
            "L2 is no SEV-SNP guest, and supervisor shadow-stack checks are off",
        ),
        vendors=(Vendor.AMD,),
        state=several(_injected_npf),
        catches=(
            *showing("final", "injected-npf-stale-stage", "injected-npf-stage-of-walk"),
            Catch("injected-npf-stale-address", "address"),
        ),
    ),
)
