"""The exit qualification of an EPT violation (SDM 30.2.1, Table 30-7)."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, implies, negate
from mmuproof.spec.access import Access
from mmuproof.spec.ept import EptPermissions
from mmuproof.spec.open_choices import READ_BIT_OF_READ_MODIFY_WRITE
from mmuproof.spec.reports import HardwareReport, Reading, Reported, ReportField

EXIT_REASON = 48
MISCONFIGURATION_EXIT_REASON = 49
"""Basic exit reasons (SDM appendix C); the exit qualification of an EPT misconfiguration is 0 (SDM 30.2.1)."""

LOG_FULL_EXIT_REASON = 62
"""A page-modification log that is full; of the exit qualification only bit 12, NMI unblocking, is not 0."""

EPT_VPID_CAP_ADVANCED_INFORMATION = 22
"""The bit of IA32_VMX_EPT_VPID_CAP that tells of advanced information (SDM appendix A.10)."""

EPT_VIOLATION = HardwareReport(
    name="ept-violation",
    title="exit qualification of an EPT violation",
    fields=(
        ReportField("data-read", 0, "the access was a data read"),
        ReportField("data-write", 1, "the access was a data write"),
        ReportField("fetch", 2, "the access was an instruction fetch"),
        ReportField("readable", 3, "every entry used allows reads"),
        ReportField("writable", 4, "every entry used allows writes"),
        ReportField("executable", 5, "every entry used allows fetches, from supervisor-mode addresses with MBEC"),
        ReportField("user-executable", 6, "every entry used allows fetches from user-mode addresses"),
        ReportField("linear-address-valid", 7, "the guest linear-address field is valid"),
        ReportField("final", 8, "the access was to the translation of the linear address, not to a paging structure"),
        ReportField("user-mode-address", 9, "the linear address is a user-mode address"),
        ReportField("writable-page", 10, "the linear address is in a read/write page"),
        ReportField("execute-disable-page", 11, "the linear address is in an execute-disable page"),
        ReportField("nmi-unblocking", 12, "NMIs were unblocked by IRET"),
        ReportField("shadow-stack", 13, "the access was a shadow-stack access"),
        ReportField("shadow-stack-page", 14, "the last entry marks a supervisor shadow-stack page"),
        ReportField("guest-paging-verification", 15, "guest-paging verification failed"),
        ReportField("asynchronous", 16, "the access was asynchronous to instruction execution"),
    ),
    conditions={
        "write": "a data write",
        "fetch": "an instruction fetch",
        "linear-address-valid": "the access is that of a linear address or of its translation",
        "final": "the access is that of the linear address itself",
        "mbec": "mode-based execute control for EPT is on",
        "walk-complete": "every entry used is present",
    },
    others_zero=False,
    source="SDM 30.2.1, Table 30-7",
)


@dataclass(frozen=True, kw_only=True)
class EptViolation:
    """An access that EPT denies, and the settings that decide what is reported of it.

    Attributes:
        access: what the processor does; an access to a guest paging-structure entry is
            `mmuproof.spec.ept.guest_paging_structure_access`.
        permissions: accumulated over the entries used; matter only with ``walk_complete``.
        walk_complete: every entry used is present, and the address is one that the tables can translate.
        linear_address_valid: the access comes from a linear address.  Not so for a load of PDPTEs by MOV to a
            control register, trace-address pre-translation, and architectural PEBS.
        final: the access is to the translation of the linear address, and not to a guest paging structure.
        user_mode_address: see `mmuproof.spec.ept.user_mode_linear_address`.
        writable_page: the linear address is in a read/write page; so it is without paging.
        execute_disable_page: the linear address is in an execute-disable page; not so without paging, PAE or NXE.
        nmi_unblocking: IRET has unblocked NMIs.
        nmi_unblocking_defined: NMI exiting is off or virtual NMIs are on, and no event was being delivered.
        shadow_stack: the access is a shadow-stack access.
        shadow_stack_page: bit 60 of the last entry.
        guest_paging_verification: the access is denied by guest-paging verification.
        asynchronous: the access is asynchronous to instruction execution and not part of delivering an event.
        mbec: mode-based execute control for EPT.
        advanced_information: the processor reports advanced information (IA32_VMX_EPT_VPID_CAP bit 22).
        shadow_stack_control: EPTP bit 7.
    """

    access: Access
    permissions: EptPermissions
    walk_complete: Bool
    linear_address_valid: Bool
    final: Bool
    user_mode_address: Bool
    writable_page: Bool
    execute_disable_page: Bool
    nmi_unblocking: Bool
    nmi_unblocking_defined: Bool
    shadow_stack: Bool
    shadow_stack_page: Bool
    guest_paging_verification: Bool
    asynchronous: Bool
    mbec: Bool
    advanced_information: Bool
    shadow_stack_control: Bool

    @property
    def to_paging_structure(self) -> Bool:
        """Whether the access is to a guest paging structure on the way from a linear address."""
        return all_of(self.linear_address_valid, negate(self.final))

    @property
    def translated(self) -> Bool:
        """Whether the access is to the translation of a linear address."""
        return all_of(self.linear_address_valid, self.final)


def can_happen(event: EptViolation) -> Bool:
    """Whether an access can be so: it reads, writes or fetches, and a fetch does nothing else.

    An access to a guest paging structure reads the entry, and never fetches; one without a linear address does
    not fetch either.  Source: SDM 31.3.3.2.
    """
    access = event.access
    return all_of(
        any_of(access.data, access.fetch),
        negate(all_of(access.data, access.fetch)),
        implies(negate(event.translated), access.read),
    )


def reported(event: EptViolation, *, any_processor: bool = False) -> Reported:
    """What the exit qualification says of an event.

    A read-modify-write instruction sets bit 1; whether it sets bit 0 is open choice `READ_BIT_OF_READ_MODIFY_WRITE`.
    Source: SDM Table 30-7.

    Args:
        event: what happens.
        any_processor: what is open stays open, even if it is known how the processor at hand has decided it.
    """
    access, permissions = event.access, event.permissions
    complete = event.walk_complete
    modifies = all_of(access.read, access.write, negate(event.to_paging_structure))
    choice = READ_BIT_OF_READ_MODIFY_WRITE
    decided, reads = (FALSE, FALSE) if any_processor else (choice.decided, choice.second)
    advanced = all_of(event.translated, event.advanced_information)
    readings = {
        "data-read": Reading(all_of(access.read, any_of(negate(modifies), reads)), any_of(negate(modifies), decided)),
        "data-write": Reading(access.write),
        "fetch": Reading(access.fetch),
        "readable": Reading(all_of(complete, permissions.read)),
        "writable": Reading(all_of(complete, permissions.write)),
        "executable": Reading(all_of(complete, permissions.execute)),
        "user-executable": Reading(all_of(complete, permissions.user_execute), event.mbec),
        "linear-address-valid": Reading(event.linear_address_valid),
        "final": Reading(event.translated),
        "user-mode-address": Reading(event.user_mode_address, advanced),
        "writable-page": Reading(event.writable_page, advanced),
        "execute-disable-page": Reading(event.execute_disable_page, advanced),
        "nmi-unblocking": Reading(event.nmi_unblocking, event.nmi_unblocking_defined),
        "shadow-stack": Reading(event.shadow_stack),
        "shadow-stack-page": Reading(event.shadow_stack_page, all_of(event.shadow_stack_control, complete)),
        "guest-paging-verification": Reading(event.guest_paging_verification),
        "asynchronous": Reading(event.asynchronous),
    }
    conditions = {
        "write": access.write,
        "fetch": access.fetch,
        "linear-address-valid": event.linear_address_valid,
        "final": event.translated,
        "mbec": event.mbec,
        "walk-complete": complete,
    }
    return Reported(EPT_VIOLATION, readings, conditions)
