"""Protection keys, for user-mode and for supervisor-mode addresses (SDM 5.6.2).

A rights register (PKRU, or IA32_PKRS) is 32 bits: for key k, bit 2k disables all data accesses (AD) and bit
2k+1 disables writes (WD).  Keys never deny a fetch.
"""

from __future__ import annotations

from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, negate, zext
from mmuproof.spec.access import Access

_KEY_BITS = 4
_REGISTER_BITS = 32


def access_disabled(key_rights: BitVec, key: BitVec) -> Bool:
    """AD of the key: no data access.  ``key_rights`` has 32 bits, ``key`` 4.

    Raises:
        ValueError: another width.
    """
    return bit(_rights_of_key(key_rights, key), 0)


def write_disabled(key_rights: BitVec, key: BitVec) -> Bool:
    """WD of the key: no write.  ``key_rights`` has 32 bits, ``key`` 4.

    Raises:
        ValueError: another width.
    """
    return bit(_rights_of_key(key_rights, key), 1)


def denied(
    access: Access,
    *,
    pkru: BitVec,
    key: BitVec,
    user_address: Bool,
    user_mode_access: Bool,
    write_protect: Bool,
    enabled: Bool,
    long_mode: Bool,
) -> Bool:
    """Whether the key of a page denies an access to a user-mode address (PKU).

    Args:
        access: what the access does.
        pkru: PKRU, 32 bits.
        key: bits 62:59 of the entry that maps the page, 4 bits.
        user_address: U/S is 1 in all entries used; if not, PKRU does not apply.
        user_mode_access: see `mmuproof.spec.paging.LinearAccess.is_user_mode_access`.
        write_protect: CR0.WP; without it, WD does not bind supervisor-mode accesses.
        enabled: CR4.PKE.
        long_mode: EFER.LMA, that is 4-level or 5-level paging.

    Source: SDM 5.6.2.

    Raises:
        ValueError: ``pkru`` or ``key`` has another width.
    """
    write_binds = any_of(user_mode_access, write_protect)
    return all_of(long_mode, enabled, user_address, _data_denied(access, pkru, key, write_binds))


def denied_at_supervisor_address(
    access: Access,
    *,
    pkrs: BitVec,
    key: BitVec,
    user_address: Bool,
    write_protect: Bool,
    enabled: Bool,
    long_mode: Bool,
) -> Bool:
    """Whether the key of a page denies an access to a supervisor-mode address (PKS).

    Args:
        access: what the access does.
        pkrs: IA32_PKRS, its 32 bits that hold rights.
        key: bits 62:59 of the entry that maps the page, 4 bits.
        user_address: U/S is 1 in all entries used; if so, IA32_PKRS does not apply.
        write_protect: CR0.WP; without it, WD does not bind.
        enabled: CR4.PKS.
        long_mode: EFER.LMA, that is 4-level or 5-level paging.

    Source: SDM 5.6.2.

    Raises:
        ValueError: ``pkrs`` or ``key`` has another width.
    """
    return all_of(long_mode, enabled, negate(user_address), _data_denied(access, pkrs, key, write_protect))


def _data_denied(access: Access, key_rights: BitVec, key: BitVec, write_binds: Bool) -> Bool:
    return any_of(
        all_of(access.data, access_disabled(key_rights, key)),
        all_of(access.write, write_binds, write_disabled(key_rights, key)),
    )


def _rights_of_key(key_rights: BitVec, key: BitVec) -> BitVec:
    if key_rights.width != _REGISTER_BITS or key.width != _KEY_BITS:
        raise ValueError(f"key rights have 32 bits and a key 4, not {key_rights.width} and {key.width}")
    return key_rights >> (zext(key, _REGISTER_BITS) << 1)
