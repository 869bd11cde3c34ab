"""Access rights of ordinary paging (SDM 5.6, APM 5.6).

Not described: shadow-stack accesses.  Protection keys are in `protection_keys`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bit, implies, ite, negate
from mmuproof.spec.access import Access
from mmuproof.spec.paging_layout import EXECUTE_DISABLE_BIT, PRESENT_BIT, USER_BIT, WRITABLE_BIT


@dataclass(frozen=True)
class LinearAccess:
    """An access to a linear address.

    Attributes:
        access: what it does.
        user_mode: the processor is at CPL 3.
        implicit: the processor makes it by itself, to a descriptor table or a task-state segment; such an
            access is supervisor-mode at any CPL.

    Source: SDM 5.6.
    """

    access: Access
    user_mode: Bool
    implicit: Bool

    @property
    def is_user_mode_access(self) -> Bool:
        """Whether the access is a user-mode access; any other is a supervisor-mode access."""
        return all_of(self.user_mode, negate(self.implicit))


@dataclass(frozen=True)
class AccessRights:
    """What ordinary entries say: of one entry, or over all entries that translated a linear address.

    Attributes:
        user_address: U/S; the address is user-mode if it is 1 in all, supervisor-mode otherwise.
        writable: R/W; 1 in all.
        execute_disable: XD; 1 in any.  It counts only with EFER.NXE.

    Source: SDM 5.6.
    """

    user_address: Bool
    writable: Bool
    execute_disable: Bool


@dataclass(frozen=True, kw_only=True)
class PagingControls:
    """The register bits that access rights depend on.

    Attributes:
        write_protect: CR0.WP.
        smep: CR4.SMEP.
        smap: CR4.SMAP.
        no_execute_enabled: EFER.NXE.
        alignment_check: EFLAGS.AC, which lifts SMAP for explicit accesses.
    """

    write_protect: Bool
    smep: Bool
    smap: Bool
    no_execute_enabled: Bool
    alignment_check: Bool


def rights_of(entry: BitVec) -> AccessRights:
    """The rights in one entry of 64 bits, or of 32 bits, which has no XD bit.

    Raises:
        ValueError: the entry has another width.
    """
    _check_width(entry)
    return AccessRights(
        user_address=bit(entry, USER_BIT),
        writable=bit(entry, WRITABLE_BIT),
        execute_disable=bit(entry, EXECUTE_DISABLE_BIT) if entry.width == 64 else FALSE,
    )


def combined(entries: Sequence[BitVec]) -> AccessRights:
    """The rights of a linear address from all entries that translate it.

    A PDPTE of PAE paging carries no rights and is left out.  Source: SDM 5.6.1.

    Raises:
        ValueError: there is no entry, or one is neither 32 nor 64 bits wide.
    """
    if not entries:
        raise ValueError("a translation uses at least one entry")
    each = [rights_of(entry) for entry in entries]
    return AccessRights(
        user_address=all_of(*(one.user_address for one in each)),
        writable=all_of(*(one.writable for one in each)),
        execute_disable=any_of(*(one.execute_disable for one in each)),
    )


def present(entry: BitVec) -> Bool:
    """Whether the processor uses an entry; access through any other is a page fault.  Source: SDM 5.7.

    Raises:
        ValueError: the entry is neither 32 nor 64 bits wide.
    """
    _check_width(entry)
    return bit(entry, PRESENT_BIT)


def allows(rights: AccessRights, access: LinearAccess, controls: PagingControls) -> Bool:
    """Whether the rights allow the access, so that it is no page fault for want of them.

    Source: SDM 5.6.1, APM 5.6.
    """
    wanted = access.access
    executable = negate(all_of(controls.no_execute_enabled, rights.execute_disable))
    by_user = all_of(rights.user_address, implies(wanted.write, rights.writable), implies(wanted.fetch, executable))
    # SMAP and SMEP keep supervisor-mode accesses away from user-mode addresses, and from no others.
    smap_lifted = any_of(negate(controls.smap), all_of(controls.alignment_check, negate(access.implicit)))
    by_supervisor = all_of(
        implies(all_of(wanted.data, rights.user_address), smap_lifted),
        implies(wanted.write, any_of(rights.writable, negate(controls.write_protect))),
        implies(wanted.fetch, executable),
        implies(all_of(wanted.fetch, rights.user_address), negate(controls.smep)),
    )
    return ite(access.is_user_mode_access, by_user, by_supervisor)


def _check_width(entry: BitVec) -> None:
    if entry.width not in (32, 64):
        raise ValueError(f"an entry has 32 or 64 bits, not {entry.width}")
