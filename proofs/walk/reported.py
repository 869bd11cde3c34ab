"""What a walk of guest tables that fails tells of the fault, for whoever is to get it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.statement import Case, Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.model.walk_faults import FailedWalk
from mmuproof.model.walks import GpteFormat
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.exit_events import QUALIFICATION_FLAGS
from mmuproof.proofs.given.expected_roles import EVERY_REGISTER, RoleAsked, asked, roles_now
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.given.walked_tables import CONTROLS, CR4_PSE, TABLES, WalkedTables
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bit, bool_var, eq, iff, implies, ne, negate
from mmuproof.spec import ept, ept_violation, page_fault, paging, paging_mode
from mmuproof.spec.access import INSTRUCTION_FETCH, Access
from mmuproof.spec.ept import EptPermissions
from mmuproof.spec.ept_violation import EptViolation
from mmuproof.spec.linear_walk import entries_used
from mmuproof.spec.page_fault import FaultCause
from mmuproof.spec.paging import LinearAccess

_FLAGS = bool_var("EPTP bit 6")
_PAE_LEVELS = 3
_PAGE_FAULT = 14
"""The exception's number: SDM 7.15, APM 8.2.15."""
_SHADOW_STACK_FLAG = 6
_STAGE = ("linear-address-valid", "final")
_OF_THE_WALK = ("data-read", "data-write", "fetch", "readable", "writable", "executable", "user-executable")
_OWN_TABLES = {
    Vendor.INTEL: TABLES[Vendor.SHADOW],
    Vendor.AMD: TABLES[Vendor.AMD],
    Vendor.SHADOW: TABLES[Vendor.SHADOW],
}
_OWN_KINDS = {Vendor.INTEL: MmuKind.TDP, Vendor.AMD: MmuKind.TDP, Vendor.SHADOW: MmuKind.SHADOW}
_LONG_MODE = "the vCPU's long mode comes with CR4.PAE, as in every register state that a processor can hold"


@dataclass(frozen=True, eq=False, kw_only=True)
class _Failing:
    """A walk of tables by an MMU that was set up for registers, and why it fails by the manuals.

    Attributes:
        kvm: the kernel.
        tables: what is walked.
        kind: the MMU.
        now: what it was set up for.
        walk: the walk.
    """

    kvm: Kvm
    tables: WalkedTables
    kind: MmuKind
    now: RoleAsked
    walk: FailedWalk

    @property
    def name(self) -> str:
        """The part of a theorem."""
        return f"nested NPT, {self.tables.name}" if self.kind is MmuKind.NESTED_NPT else self.tables.name

    @cached_property
    def mbec(self) -> Bool:
        """L1 has MBEC on for L2."""
        return self.now.request.mbec if relations.has_mbec(self.kvm) else FALSE

    @cached_property
    def _reasons(self) -> tuple[Bool, Bool, Bool]:
        """Whether an entry that is used is missing, whether one is malformed, and whether the walk came to its end."""
        goes_on = paging.present(self.walk.first) if self.tables.levels == _PAE_LEVELS else TRUE
        missing, malformed = [negate(goes_on)], list[Bool]()
        used = entries_used(self.tables.entry_format, self.tables.entries, CONTROLS)
        for entry, read, reserved in zip(self.tables.entries, used, self.walk.reserved, strict=True):
            here, present = all_of(goes_on, read), self._present(entry)
            missing.append(all_of(here, negate(present)))
            malformed.append(all_of(here, present, reserved))
            goes_on = all_of(goes_on, any_of(negate(read), all_of(present, negate(reserved))))
        return any_of(*missing), any_of(*malformed), goes_on

    def _present(self, entry: BitVec) -> Bool:
        if self.tables.code is GpteFormat.EPT:
            return ept.present(entry, mbec=self.mbec)
        return paging.present(entry)

    @property
    def cause(self) -> FaultCause:
        """Why the walk fails; what entries grant is judged elsewhere."""
        missing, malformed, complete = self._reasons
        judgement = self.walk.judgement
        denied = all_of(complete, ne(judgement, 0))
        key = has(judgement, self.kvm.constant("PFERR_PK_MASK"))
        return FaultCause(
            not_present=missing, reserved=malformed, rights=all_of(denied, negate(key)), key=all_of(denied, key)
        )

    @property
    def permissions(self) -> EptPermissions:
        """What all entries of EPT grant that are used."""
        used = entries_used(self.tables.entry_format, self.tables.entries, CONTROLS)
        each = [ept.permissions_of(entry) for entry in self.tables.entries]

        def together(name: str) -> Bool:
            return all_of(*(implies(when, getattr(one, name)) for when, one in zip(used, each, strict=True)))

        return EptPermissions(*(together(name) for name in ("read", "write", "execute", "user_execute")))

    def access_has(self, *names: str) -> Bool:
        """Whether the access that is walked for has a PFERR_* bit; one that the tree does not know, it has not."""
        masks = [self.kvm.constant(f"PFERR_{name}") for name in names if self.kvm.defines(f"PFERR_{name}")]
        return any_of(*(has(self.walk.access, mask) for mask in masks))

    @property
    def access(self) -> Access:
        """What the access is for EPT; before reads had a bit of their own, the user flag said that it reads."""
        write, fetch = self.access_has("WRITE_MASK"), self.access_has("FETCH_MASK")
        if not relations.reads_have_a_bit(self.kvm):
            return Access(self.access_has("USER_MASK"), write, fetch)
        structure = self.access_has("GUEST_PAGE_MASK")
        return Access(any_of(all_of(negate(write), negate(fetch)), structure), write, fetch)

    def case(self, part: str, *shown: Shown, when: Sequence[Assumption] = ()) -> Case:
        """Of a walk that fails for what is in the tables."""
        kvm, tables = self.kvm, self.tables
        pk, present = kvm.constant("PFERR_PK_MASK"), kvm.constant("PFERR_PRESENT_MASK")
        judged = any_of(eq(self.walk.judgement, 0), eq(self.walk.judgement & ~pk, present))
        levels = range(len(tables.entries), 0, -1)
        entries = zip(levels, tables.entries, strict=True)
        noticed = [
            any_of(reserved, each.term)
            for level, entry, reserved in zip(levels, tables.entries, self.walk.reserved, strict=True)
            for each in tables.well_formed(entry, level)
        ]
        return given(
            Assumption("the walk fails for what is in the tables, and the host can read them", self.walk.happens),
            Assumption("what permission_fault() returns is P, with PK or without: permission.error-code", judged),
            Assumption(_LONG_MODE, self.walk.long_mode_has_pae),
            Assumption("no access both writes and fetches", negate(self._writes_and_fetches)),
            self.now.possible,
            Assumption("bit 7 of a PML5E or PML4E is found to be reserved: entry.*", all_of(*noticed)),
            *when,
            shown=(
                Shown("addr", self.walk.addr),
                Shown("access", self.walk.access, relations.pferr_flags(kvm), NumberKind.ERROR_CODE),
                *(Shown(f"entry of level {level}", entry, kind=tables.entry_kind) for level, entry in entries),
                *((Shown("CR4.PSE", CR4_PSE),) if tables.code is GpteFormat.PAGING32 else ()),
                *shown,
            ),
            evidence=self.walk.evidence,
            part=part,
        )

    @property
    def _writes_and_fetches(self) -> Bool:
        return all_of(self.access_has("WRITE_MASK"), self.access_has("FETCH_MASK"))


def _failing(kvm: Kvm, vendor: Vendor, kind: MmuKind, tables: WalkedTables) -> _Failing:
    now = asked("now")
    roles = roles_now(kvm, vendor, kind, now)
    walk = kvm.walk_faults.failed_walk(
        tables.code,
        tables.levels,
        tables.entries,
        cr4_pse=CR4_PSE,
        accessed_dirty=_FLAGS if tables.code is GpteFormat.EPT else TRUE,
        nested=kind in (MmuKind.NESTED_EPT, MmuKind.NESTED_NPT),
        role=roles.cpu_role,
    )
    return _Failing(kvm=kvm, tables=tables, kind=kind, now=now, walk=walk)


def _walked(kvm: Kvm, vendor: Vendor) -> Iterator[_Failing]:
    """A guest's own tables, as they are walked to emulate or to be shadowed, and L1's nested page tables."""
    for tables in _OWN_TABLES[vendor]:
        yield _failing(kvm, vendor, _OWN_KINDS[vendor], tables)
    if vendor is Vendor.AMD:
        for tables in TABLES[vendor]:
            yield _failing(kvm, vendor, MmuKind.NESTED_NPT, tables)


# -- walk.reported -------------------------------------------------------------------------------------------


def _common(failing: _Failing) -> tuple[Symptom, ...]:
    fault, nested = failing.walk, failing.kind in (MmuKind.NESTED_EPT, MmuKind.NESTED_NPT)
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


def _flag(failing: _Failing, name: str, number: int, wanted: Bool) -> Symptom:
    told = bit(failing.walk.error_code, number)
    return Wrong(
        name, negate(iff(told, wanted)), f"A walk tells the wrong cause of a fault, in bit {number} of the error code."
    ).told(f"bit {number} is wrong", "SDM 5.7, APM 8.4.2, 15.25.6: the flags of the error code")


def _linear(failing: _Failing) -> LinearAccess:
    write, fetch = failing.access_has("WRITE_MASK"), failing.access_has("FETCH_MASK")
    return LinearAccess(
        Access(all_of(negate(write), negate(fetch)), write, fetch),
        user_mode=failing.access_has("USER_MASK"),
        implicit=FALSE,
    )


def _of_ordinary(failing: _Failing) -> Claim:
    fault, cause, access = failing.walk, failing.cause, _linear(failing)
    code = fault.error_code
    symptoms = [
        _flag(failing, "present", page_fault.PRESENT_FLAG, page_fault.present_flag(cause)),
        _flag(failing, "write", page_fault.WRITE_FLAG, page_fault.write_flag(access)),
        _flag(failing, "user", page_fault.USER_FLAG, page_fault.user_flag(access)),
        _flag(failing, "reserved", page_fault.RESERVED_FLAG, page_fault.reserved_flag(cause)),
        _flag(failing, "shadow-stack", _SHADOW_STACK_FLAG, failing.access_has("SS_MASK")),
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
                any_of(ne(fault.vector, _PAGE_FAULT), negate(fault.has_error_code), fault.asynchronous),
                "A walk that fails gives another exception than a page fault with an error code.",
            ).told("no page fault", "SDM 5.7, APM 8.2.15: exception 14, which has an error code"),
        )
    )
    shown = Shown("the error code", code, relations.pferr_flags(failing.kvm), NumberKind.ERROR_CODE)
    return never(failing.case(failing.name, shown), *_common(failing), *symptoms)


def _of_ept(failing: _Failing) -> Claim:
    kvm, fault, cause = failing.kvm, failing.walk, failing.cause
    misconfigured = has(fault.error_code, kvm.constant("PFERR_RSVD_MASK"))
    structure = failing.access_has("GUEST_PAGE_MASK")
    event = EptViolation(
        access=failing.access,
        permissions=failing.permissions,
        walk_complete=negate(cause.not_present),
        linear_address_valid=TRUE,
        final=negate(structure),
        mbec=failing.mbec,
        user_mode_address=FALSE,
        writable_page=FALSE,
        execute_disable_page=FALSE,
        nmi_unblocking=FALSE,
        nmi_unblocking_defined=FALSE,
        shadow_stack=FALSE,
        shadow_stack_page=FALSE,
        guest_paging_verification=FALSE,
        asynchronous=FALSE,
        advanced_information=FALSE,
        shadow_stack_control=FALSE,
    )
    reported = ept_violation.reported(event, any_processor=True)
    told, earlier = fault.exit_qualification, fault.earlier_qualification
    violation = negate(cause.reserved)
    names = _OF_THE_WALK if earlier is not None else (*_OF_THE_WALK, *_STAGE)
    fields = {each.name: each for each in reported.report.fields}
    stage = sum(1 << fields[name].bit for name in _STAGE)
    allowed = sum(1 << fields[name].bit for name in _OF_THE_WALK) | stage
    symptoms = [
        Wrong(
            name,
            all_of(violation, reported.wrong(told, name)),
            f"L1 is to be told wrongly in bit {fields[name].bit} of the exit qualification whether "
            f"{fields[name].meaning}.",
        ).told(
            f"bit {fields[name].bit} says otherwise",
            f"SDM Table 30-7: bit {fields[name].bit} tells whether {fields[name].meaning}",
        )
        for name in names
    ]
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
            yield _of_ept(_failing(kvm, vendor, MmuKind.NESTED_EPT, tables))
    for failing in _walked(kvm, vendor):
        yield _of_ordinary(failing)


# -- walk.fetch-flag -----------------------------------------------------------------------------------------


def _fetch_flag(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for failing in _walked(kvm, vendor):
        registers = failing.now.request
        expected = page_fault.instruction_flag(
            LinearAccess(INSTRUCTION_FETCH, user_mode=TRUE, implicit=FALSE),
            smep=bit(registers.cr4, paging_mode.CR4_SMEP_BIT),
            physical_address_extension=bit(registers.cr4, paging_mode.CR4_PAE_BIT),
            no_execute_enabled=bit(registers.efer, paging_mode.EFER_NXE_BIT),
        )
        mode, fetch = failing.now.mode, failing.access_has("FETCH_MASK")
        of_levels = {2: mode.two_levels, 3: mode.pae}.get(failing.tables.levels, mode.ia32e)
        told = bit(failing.walk.error_code, page_fault.INSTRUCTION_FLAG)
        symptoms = [
            Wrong(
                "fetch-not-told",
                all_of(fetch, expected, negate(told)),
                "KVM reports a faulting fetch as a read, where hardware sets I/D.",
            ).told("I/D is 0", "SDM 5.7, APM 8.4.2: I/D is set with CR4.SMEP, or CR4.PAE and EFER.NXE"),
            Wrong(
                "fetch-invented", all_of(told, negate(fetch)), "KVM reports a faulting read or write as a fetch."
            ).told("I/D is 1", "SDM 5.7, APM 8.4.2, 15.25.6: I/D is set for a fetch only"),
        ]
        if failing.kind is not MmuKind.NESTED_NPT:
            # Without SMEP and NXE the manual does not say what a nested fault's flag is.
            symptoms.append(
                Wrong(
                    "fetch-told",
                    all_of(told, fetch, negate(expected)),
                    "KVM sets I/D for a faulting fetch, where hardware does not tell fetches from reads.",
                ).told("I/D is 1", "SDM 5.7: I/D is 0 without CR4.SMEP, unless CR4.PAE and EFER.NXE are set")
            )
        yield never(
            failing.case(
                failing.name,
                *failing.now.shown,
                Shown("the error code", failing.walk.error_code, relations.pferr_flags(kvm), NumberKind.ERROR_CODE),
                when=(Assumption("the registers are those of the tables' paging mode", of_levels),),
            ),
            *symptoms,
        )


_VENDORS = (Vendor.INTEL, Vendor.AMD, Vendor.SHADOW)
_ASSUMES = (
    "what an entry's reserved bits are, and whether the rights allow the access, is any answer: entry.* and "
    "permission.* speak of these",
    "the host can read the tables and write their flags",
    EVERY_REGISTER,
)

THEOREMS = (
    Theorem(
        name="walk.reported",
        claim="A walk of guest tables that fails tells why: the address, whose tables denied it, and the page "
        "fault's error code; of EPT whether it is a misconfiguration, and if not, what the access was and what "
        "the entries grant, as the exit qualification says it.",
        source="SDM 5.7, 30.2.1, 31.3.3; APM 8.4.2, 15.25.6",
        assumes=(*_ASSUMES, "before ACC_READ_MASK, the user flag of an access to EPT says that it reads"),
        vendors=_VENDORS,
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
            Catch("walk-fault-fetch-is-read", "data-read"),
            Catch("walk-fault-always-final", "data-read"),
            *showing("misconfiguration-missed", "mbec-left-out-of-role", "nested-ept-role-kept"),
            Catch("pk-flag-at-ss", "shadow-stack"),
            *showing("present", "walk-passes-large-page", "walk-ends-without-pse"),
        ),
    ),
    Theorem(
        name="walk.fetch-flag",
        claim="A walk of guest tables that fails tells that the access was a fetch exactly where hardware does.",
        source="SDM 5.7; APM 8.4.2, 15.25.6",
        assumes=_ASSUMES,
        vendors=_VENDORS,
        state=several(_fetch_flag),
        catches=(
            *showing("fetch-not-told", "walk-fault-fetch-not-told", "fetch-flag-of-nx-alone", "smep-only-in-long-mode"),
            Catch("walk-fault-fetch-always-told", "fetch-told"),
            Catch("walk-fault-every-access-fetches", "fetch-invented"),
        ),
    ),
)
