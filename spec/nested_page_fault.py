"""EXITINFO1 of a nested page fault (APM 15.25.6, 15.36.10)."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, eq, implies, negate
from mmuproof.spec.open_choices import GMET_USER_FLAG_OF_DATA
from mmuproof.spec.reports import HardwareReport, Reading, Reported, ReportField

EXIT_CODE = 0x400
"""VMEXIT_NPF (APM appendix C)."""

NESTED_PAGE_FAULT = HardwareReport(
    name="nested-page-fault",
    title="EXITINFO1 of a nested page fault",
    fields=(
        ReportField("present", 0, "the nested page is present"),
        ReportField("write", 1, "the nested access was a write"),
        ReportField("user", 2, "the nested access was a user access"),
        ReportField("reserved", 3, "a reserved bit is set in a nested entry"),
        ReportField("fetch", 4, "the nested access was an instruction fetch"),
        ReportField("shadow-stack", 6, "the access was a shadow-stack access"),
        ReportField("rmp", 31, "the reverse-map table denied the access"),
        ReportField("final", 32, "the fault was on the guest's final physical address"),
        ReportField("guest-page-table", 33, "the fault was on the page of a guest page-table entry"),
        ReportField("encrypted", 34, "the guest's effective C-bit was 1"),
        ReportField("size-mismatch", 35, "the page size differs from that of the reverse-map table"),
        ReportField("vmpl", 36, "the permissions of the virtual-machine privilege level denied the access"),
        ReportField("shadow-stack-page", 37, "the nested entry marks a supervisor shadow-stack page"),
    ),
    conditions={
        "write": "a nested write",
        "fetch": "a nested instruction fetch",
        "present": "the nested page is present",
        "reserved": "a reserved bit is set in a nested entry",
        "final": "the fault is on the guest's final physical address",
        "gmet": "guest mode execute trap is enabled",
    },
    others_zero=True,
    source="APM 15.25.6, Table 15-21, 15.36.10",
)


@dataclass(frozen=True, kw_only=True)
class NestedPageFault:
    """A nested page fault, and the settings that decide what is reported of it.

    Attributes:
        write: the nested access is a write; so is every access to a guest page table.
        fetch: the nested access is an instruction fetch.
        present: every nested entry used is present.
        reserved: one of them has a reserved bit set.
        final: the fault is on the guest's final physical address, and not on that of a page-table entry.
        cpl: the guest's privilege level, 2 bits.
        gmet: guest mode execute trap is enabled.
        shadow_stack: the access is a shadow-stack access.
        shadow_stack_page: the nested entry marks a supervisor shadow-stack page, and that is checked for.
        rmp: the reverse-map table denies the access; with it, ``size_mismatch`` and ``vmpl`` say why.
        encrypted: the guest's effective C-bit.
        size_mismatch: the page sizes of the nested entry and of the reverse-map table differ.
        vmpl: the virtual-machine privilege level lacks the permission.
    """

    write: Bool
    fetch: Bool
    present: Bool
    reserved: Bool
    final: Bool
    cpl: BitVec
    gmet: Bool
    shadow_stack: Bool
    shadow_stack_page: Bool
    rmp: Bool
    encrypted: Bool
    size_mismatch: Bool
    vmpl: Bool


def can_happen(fault: NestedPageFault) -> Bool:
    """Whether a fault can be so.

    A fetch writes nothing; an access to a guest page table is a write and no fetch; a reserved bit is one of an
    entry that is present.  Source: APM 15.25.6.
    """
    return all_of(
        negate(all_of(fault.write, fault.fetch)),
        implies(negate(fault.final), all_of(fault.write, negate(fault.fetch))),
        implies(fault.reserved, fault.present),
    )


def user_access(fault: NestedPageFault, *, any_processor: bool = False) -> Reading:
    """Whether the access counts as a user access for the nested tables.

    Without GMET every access does.  With it, a fetch does at privilege level 3; of other accesses the manual does
    not say (open choice `GMET_USER_FLAG_OF_DATA`).  Source: APM 15.25.6, Table 15-21.

    Args:
        fault: what happens.
        any_processor: what is open stays open, even if it is known how the processor at hand has decided it.

    Raises:
        ValueError: ``cpl`` is not 2 bits wide.
    """
    if fault.cpl.width != 2:
        raise ValueError(f"a privilege level has 2 bits, not {fault.cpl.width}")
    choice = GMET_USER_FLAG_OF_DATA
    decided, data_by_level = (FALSE, FALSE) if any_processor else (choice.decided, choice.second)
    by_level = any_of(fault.fetch, data_by_level)
    return Reading(
        any_of(negate(fault.gmet), negate(by_level), eq(fault.cpl, 3)), any_of(negate(fault.gmet), fault.fetch, decided)
    )


def reported(fault: NestedPageFault, *, any_processor: bool = False) -> Reported:
    """What EXITINFO1 says of a fault; for ``any_processor`` see `user_access`."""
    readings = {
        "present": Reading(fault.present),
        "write": Reading(fault.write),
        "user": user_access(fault, any_processor=any_processor),
        "reserved": Reading(fault.reserved),
        "fetch": Reading(fault.fetch),
        "shadow-stack": Reading(fault.shadow_stack),
        "rmp": Reading(fault.rmp),
        "final": Reading(fault.final),
        "guest-page-table": Reading(negate(fault.final)),
        "encrypted": Reading(fault.encrypted),
        "size-mismatch": Reading(fault.size_mismatch),
        "vmpl": Reading(fault.vmpl),
        "shadow-stack-page": Reading(fault.shadow_stack_page),
    }
    conditions = {
        "write": fault.write,
        "fetch": fault.fetch,
        "present": fault.present,
        "reserved": fault.reserved,
        "final": fault.final,
        "gmet": fault.gmet,
    }
    return Reported(NESTED_PAGE_FAULT, readings, conditions)
