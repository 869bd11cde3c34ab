"""Permissions of AMD's nested page tables, with and without guest mode execute trap (APM 15.25)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bit, implies, ite, ne, negate
from mmuproof.spec.access import Access
from mmuproof.spec.paging_layout import EXECUTE_DISABLE_BIT, PRESENT_BIT, USER_BIT, WRITABLE_BIT


@dataclass(frozen=True)
class NestedPermissions:
    """What nested entries say: of one entry, or effective over all entries that translated an address.

    Attributes:
        writable: R/W; effective if it is 1 in all.
        user: U/S; effective if it is 1 in all.
        no_execute: NX; effective if it is 1 in any.  It counts only with EFER.NXE of the host.

    Source: APM 15.25 with the rules for ordinary tables in APM 5.6.
    """

    writable: Bool
    user: Bool
    no_execute: Bool


def permissions_of(entry: BitVec) -> NestedPermissions:
    """The permission bits of one entry of 64 bits, or of 32 bits, which has no NX bit.

    Raises:
        ValueError: the entry has another width.
    """
    _check_width(entry)
    return NestedPermissions(
        writable=bit(entry, WRITABLE_BIT),
        user=bit(entry, USER_BIT),
        no_execute=bit(entry, EXECUTE_DISABLE_BIT) if entry.width == 64 else FALSE,
    )


def effective(entries: Sequence[BitVec]) -> NestedPermissions:
    """The permissions of a guest-physical address from all nested entries that translate it.

    A PDPE of a PAE host carries no permissions and is left out.  Source: APM 15.25, 5.6.

    Raises:
        ValueError: there is no entry, or one is neither 32 nor 64 bits wide.
    """
    if not entries:
        raise ValueError("a translation uses at least one entry")
    each = [permissions_of(entry) for entry in entries]
    return NestedPermissions(
        writable=all_of(*(one.writable for one in each)),
        user=all_of(*(one.user for one in each)),
        no_execute=any_of(*(one.no_execute for one in each)),
    )


def present(entry: BitVec) -> Bool:
    """Whether the processor uses a nested entry; access through any other is a nested page fault.

    Source: APM 15.25, 5.4.

    Raises:
        ValueError: the entry is neither 32 nor 64 bits wide.
    """
    _check_width(entry)
    return bit(entry, PRESENT_BIT)


def guest_page_table_access(*, read_only_guest_page_tables: Bool, updates_flags: Bool) -> Access:
    """What the processor's access to a guest page-table entry counts as for the nested tables.

    It is a data access, never a fetch, and a write: always, or with read-only guest page tables only if it
    updates the entry's accessed or dirty flag.  Source: APM 15.25.

    Args:
        read_only_guest_page_tables: the control of that name in the VMCB.
        updates_flags: the access sets an accessed or dirty flag in the guest's entry.
    """
    return Access(read=TRUE, write=any_of(negate(read_only_guest_page_tables), updates_flags), fetch=FALSE)


def allows(
    permissions: NestedPermissions,
    access: Access,
    *,
    gmet: Bool,
    cpl: BitVec,
    no_execute_enabled: Bool,
    gmet_void_without_nxe: Bool,
) -> Bool:
    """Whether the nested tables allow a guest's access, so that it is no nested page fault.

    Without guest mode execute trap (GMET) every access, the processor's to guest page tables included, is a
    user access for the nested tables, whatever the guest's privilege level.  With it, a fetch at CPL 0 to 2
    from a nested user page is denied, and nothing needs a nested user page.  That last point the manual does
    not write for data accesses; it follows from what GMET is for, and the specification takes it as given
    (open choice `GMET_SUPERVISOR_PAGE_DATA`).

    Args:
        permissions: effective over the whole nested walk.
        access: what is done with the guest-physical address, be it the final one of a linear address or that
            of a guest page-table entry.
        gmet: GMET is enabled in the VMCB and the processor has it.
        cpl: privilege level of the guest, 2 bits.
        no_execute_enabled: EFER.NXE of the host; without it, NX does not count.
        gmet_void_without_nxe: open choice `GMET_WITHOUT_NXE`: without EFER.NXE of the host, GMET denies no
            fetch.  It changes nothing for data accesses or with EFER.NXE.

    Source: APM 15.25, 15.25.13 and Table 15-21.

    Raises:
        ValueError: ``cpl`` is not 2 bits wide.
    """
    if cpl.width != 2:
        raise ValueError(f"a privilege level has 2 bits, not {cpl.width}")
    no_execute = all_of(no_execute_enabled, permissions.no_execute)
    trap_applies = negate(all_of(gmet_void_without_nxe, negate(no_execute_enabled)))
    trapped = all_of(access.fetch, trap_applies, permissions.user, ne(cpl, 3))
    return all_of(
        ite(gmet, negate(trapped), permissions.user),
        implies(access.write, permissions.writable),
        implies(access.fetch, negate(no_execute)),
    )


def _check_width(entry: BitVec) -> None:
    if entry.width not in (32, 64):
        raise ValueError(f"a nested entry has 32 or 64 bits, not {entry.width}")
