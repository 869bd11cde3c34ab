"""Permissions and misconfigurations of Intel's extended page tables (SDM 31.3).

An entry is a 64-bit vector.  Controls and capabilities are truth values, so that one formula speaks of all
settings.  Not described: shadow-stack accesses under EPTP bit 7, writes under sub-page write permissions,
and paging writes under EPT paging-write control.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bit, bv, eq, extract, implies, ite, ne, negate
from mmuproof.spec.access import Access
from mmuproof.spec.entry_layout import (
    LARGEST_PHYSICAL_ADDRESS_WIDTH,
    SMALLEST_PHYSICAL_ADDRESS_WIDTH,
    Control,
    EntryShape,
)
from mmuproof.spec.ept_layout import (
    EPT,
    EXECUTE_BIT,
    MEMORY_TYPE_HIGH,
    MEMORY_TYPE_LOW,
    PAGE_SIZE_BIT,
    PAGING_WRITE_BIT,
    READ_BIT,
    USER_EXECUTE_BIT,
    WRITE_BIT,
)
from mmuproof.spec.reserved import reserved_mask

RESERVED_MEMORY_TYPES = (2, 3, 7)
MEMORY_TYPES = {0: "UC", 1: "WC", 4: "WT", 5: "WP", 6: "WB"}
"""The other memory types by number (SDM 31.3.7.2)."""


@dataclass(frozen=True)
class EptPermissions:
    """What EPT entries allow: of one entry, or of all entries that translated an address.

    Attributes:
        read: bit 0; data reads.
        write: bit 1; data writes.
        execute: bit 2; fetches, or with mode-based execute control only those from supervisor-mode linear
            addresses.
        user_execute: bit 10; with mode-based execute control, fetches from user-mode linear addresses.
            Without that control the processor ignores it.

    Source: SDM 31.3.2, 31.3.3.2.
    """

    read: Bool
    write: Bool
    execute: Bool
    user_execute: Bool


def permissions_of(entry: BitVec) -> EptPermissions:
    """The permission bits of one entry of 64 bits, whether it is present or not.

    Raises:
        ValueError: the entry has another width.
    """
    _check_width(entry)
    return EptPermissions(
        read=bit(entry, READ_BIT),
        write=bit(entry, WRITE_BIT),
        execute=bit(entry, EXECUTE_BIT),
        user_execute=bit(entry, USER_EXECUTE_BIT),
    )


def accumulated(entries: Sequence[BitVec]) -> EptPermissions:
    """The permissions of a guest-physical address: each is the conjunction over all entries used.

    ``entries`` are those of one walk that reached a page, 64 bits each, in any order.  Source: SDM 31.3.3.2.

    Raises:
        ValueError: there is no entry, or one has another width.
    """
    if not entries:
        raise ValueError("a translation uses at least one entry")
    each = [permissions_of(entry) for entry in entries]
    return EptPermissions(
        read=all_of(*(one.read for one in each)),
        write=all_of(*(one.write for one in each)),
        execute=all_of(*(one.execute for one in each)),
        user_execute=all_of(*(one.user_execute for one in each)),
    )


def user_mode_linear_address(paging_enabled: Bool, user_bits: Sequence[Bool]) -> Bool:
    """Whether a linear address is user-mode for mode-based execute control.

    It is a matter of the translation and not of the privilege level: with paging, the U/S flag is 1 in every
    guest entry used; without paging, every linear address is user-mode.  Source: SDM 31.3.3.2.

    Args:
        paging_enabled: CR0.PG of the guest.
        user_bits: the U/S flags of the guest entries that translate the address, of those that have one
            (a PDPTE of PAE paging has none).

    Raises:
        ValueError: no flags are given although paging can be enabled.
    """
    if not user_bits and paging_enabled is not FALSE:
        raise ValueError("with paging enabled, a linear address is translated by at least one entry")
    return any_of(negate(paging_enabled), all_of(*user_bits))


def allows(permissions: EptPermissions, access: Access, *, mbec: Bool, user_mode_address: Bool) -> Bool:
    """Whether the accumulated permissions allow an access, so that it is no EPT violation.

    A fetch needs no read permission.  A write does not ask for read permission either, but an entry that
    allows writes and no reads is misconfigured, so no walk ends with such permissions.

    Args:
        permissions: accumulated over the whole walk.
        access: what the processor does with the guest-physical address.
        mbec: mode-based execute control for EPT.
        user_mode_address: see `user_mode_linear_address`; matters for fetches only.

    Source: SDM 31.3.3.2.
    """
    may_fetch = ite(all_of(mbec, user_mode_address), permissions.user_execute, permissions.execute)
    return all_of(
        implies(access.read, permissions.read),
        implies(access.write, permissions.write),
        implies(access.fetch, may_fetch),
    )


def guest_paging_structure_access(*, accessed_dirty_enabled: Bool, updates_flags: Bool) -> Access:
    """What the processor's access to a guest paging-structure entry counts as for EPT.

    It is a data read, and a write as well if it updates the entry's accessed or dirty flag, or always if EPT
    has accessed and dirty flags.  It is never a fetch.  A load of PAE PDPTEs by a MOV to a control register
    is not such an access: it is a read in any case.  Source: SDM 31.3.3.2.

    Args:
        accessed_dirty_enabled: EPTP bit 6.
        updates_flags: the access sets an accessed or dirty flag in the guest's entry.
    """
    return Access(read=TRUE, write=any_of(accessed_dirty_enabled, updates_flags), fetch=FALSE)


def present(entry: BitVec, *, mbec: Bool) -> Bool:
    """Whether the processor uses an entry at all; access through any other is an EPT violation.

    Source: SDM 31.3.2.

    Raises:
        ValueError: the entry is not 64 bits wide.
    """
    own = permissions_of(entry)
    return any_of(own.read, own.write, own.execute, all_of(mbec, own.user_execute))


def entry_maps_page(entry: BitVec, level: int) -> Bool:
    """Whether an entry of 64 bits maps a page, where its level allows that; source: SDM 31.3.2.

    Raises:
        ValueError: the level is not 1 to 5, or the entry has another width.
    """
    _check_width(entry)
    if not 1 <= level <= 5:
        raise ValueError(f"no level of EPT: {level}")
    if level == 1:
        return TRUE
    return bit(entry, PAGE_SIZE_BIT) if level <= 3 else FALSE


def misconfigured_permissions(
    entry: BitVec, *, mbec: Bool, execute_only: Bool, paging_write_control: Bool, maps_page: bool
) -> Bool:
    """Whether a present entry asks for a combination of permissions that does not exist.

    That is, reads are not allowed, and: writes are; or something can be executed although execute-only
    translations are not supported; or the page is marked for paging writes.

    Args:
        entry: 64 bits.
        mbec: mode-based execute control for EPT.
        execute_only: execute-only translations are supported (IA32_VMX_EPT_VPID_CAP bit 0).
        paging_write_control: EPT paging-write control.
        maps_page: the entry is the last of a walk.

    Source: SDM 31.3.3.1.

    Raises:
        ValueError: the entry has another width.
    """
    own = permissions_of(entry)
    executable = any_of(own.execute, all_of(mbec, own.user_execute))
    paging_write = all_of(paging_write_control, bit(entry, PAGING_WRITE_BIT)) if maps_page else FALSE
    wrong_without_read = any_of(own.write, all_of(negate(execute_only), executable), paging_write)
    # The walk tests presence first, and a mark for paging writes alone does not make an entry present.
    return all_of(present(entry, mbec=mbec), negate(own.read), wrong_without_read)


def reserved_memory_type(entry: BitVec) -> Bool:
    """Whether bits 5:3 of an entry that maps a page hold a value that is no memory type.

    Source: SDM 31.3.3.1.

    Raises:
        ValueError: the entry is not 64 bits wide.
    """
    _check_width(entry)
    memory_type = extract(entry, MEMORY_TYPE_HIGH, MEMORY_TYPE_LOW)
    return any_of(*(eq(memory_type, value) for value in RESERVED_MEMORY_TYPES))


def misconfigured(
    entry: BitVec,
    *,
    level: int,
    maps_page: bool,
    max_physical_address: BitVec | int,
    mbec: Bool,
    execute_only: Bool,
    paging_write_control: Bool,
    pages_2m: Bool,
    pages_1g: Bool,
    memory_type_checked_in_1g: Bool,
) -> Bool:
    """Whether a walk that reaches the entry ends with an EPT misconfiguration.

    An entry that is not present is never misconfigured; the kind of access does not matter.

    Args:
        entry: 64 bits.
        level: 5 for a PML5E down to 1 for a PTE.
        maps_page: the entry maps a page; at levels 2 and 3 it has to be what bit 7 of ``entry`` says.
        max_physical_address: physical-address width in bits (MAXPHYADDR); 32 to 52, a term being taken to be that.
        mbec: mode-based execute control for EPT.
        execute_only: execute-only translations are supported.
        paging_write_control: EPT paging-write control.
        pages_2m: 2-MByte pages are supported; otherwise bit 7 is reserved at level 2.
        pages_1g: 1-GByte pages are supported; otherwise bit 7 is reserved at level 3.
        memory_type_checked_in_1g: open choice `EPT_1G_MEMORY_TYPE`: a reserved memory type in an entry that
            maps a 1-GByte page is a misconfiguration.

    Source: SDM 31.3.3.1.

    Raises:
        ValueError: no entry of that level does that, or a width is out of range.
    """
    bad_permissions = misconfigured_permissions(
        entry, mbec=mbec, execute_only=execute_only, paging_write_control=paging_write_control, maps_page=maps_page
    )
    bad_type = reserved_memory_type(entry) if maps_page else FALSE
    if level == 3:
        bad_type = all_of(memory_type_checked_in_1g, bad_type)
    width = _width(max_physical_address)
    bad = any_of(_reserved_bit_set(entry, level, maps_page, width, pages_2m, pages_1g), bad_type)
    return any_of(bad_permissions, all_of(present(entry, mbec=mbec), bad))


def _reserved_bit_set(
    entry: BitVec, level: int, maps_page: bool, max_physical_address: BitVec, pages_2m: Bool, pages_1g: Bool
) -> Bool:
    # No other control matters: where one is off, the bit it gives a meaning is ignored, not reserved.
    controls = {Control.PAGES_2M: pages_2m, Control.PAGES_1G: pages_1g}
    return ne(entry & reserved_mask(EPT, EntryShape(level, maps_page), controls, max_physical_address), 0)


def _width(max_physical_address: BitVec | int) -> BitVec:
    if isinstance(max_physical_address, BitVec):
        return max_physical_address
    if not SMALLEST_PHYSICAL_ADDRESS_WIDTH <= max_physical_address <= LARGEST_PHYSICAL_ADDRESS_WIDTH:
        raise ValueError(f"no physical-address width: {max_physical_address}")
    return bv(max_physical_address, 8)


def _check_width(entry: BitVec) -> None:
    if entry.width != EPT.width:
        raise ValueError(f"an EPT entry has {EPT.width} bits, not {entry.width}")
