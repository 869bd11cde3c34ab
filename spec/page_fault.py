"""The error code of a page fault (SDM 5.7, APM 8.4.2).

The functions speak of flags that ordinary accesses can set: P, W/R, U/S, RSVD, I/D and PK.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bv, negate, to_bv
from mmuproof.spec.paging import LinearAccess
from mmuproof.spec.reports import ReportField

VECTOR = 14
"""The exception's number (SDM 7.15, APM 8.2.15)."""
PRESENT_FLAG = 0
WRITE_FLAG = 1
USER_FLAG = 2
RESERVED_FLAG = 3
INSTRUCTION_FLAG = 4
PROTECTION_KEY_FLAG = 5
SHADOW_STACK_FLAG = 6
ERROR_CODE_WIDTH = 32

FLAGS = (
    ReportField("P", PRESENT_FLAG, "the translation was present"),
    ReportField("W/R", WRITE_FLAG, "the access was a write"),
    ReportField("U/S", USER_FLAG, "the access was a user-mode access"),
    ReportField("RSVD", RESERVED_FLAG, "a reserved bit is set in a present entry"),
    ReportField("I/D", INSTRUCTION_FLAG, "the access was an instruction fetch"),
    ReportField("PK", PROTECTION_KEY_FLAG, "the protection key denied the access"),
    ReportField("SS", SHADOW_STACK_FLAG, "the access was a shadow-stack access"),
    ReportField("HLAT", 7, "the fault happened in HLAT paging"),
    ReportField("SGX", 15, "SGX denied the access"),
    ReportField("RMP", 31, "the reverse-map table denied the access"),
)
"""Every flag that a manual names; HLAT and SGX are Intel's, RMP is AMD's.  All other bits are 0."""


@dataclass(frozen=True)
class FaultCause:
    """What is wrong with a translation.

    Several can hold at once.  Presence is tested before reserved bits at every level, and rights and keys
    only after the whole walk, so an entry that is not present hides all else.  What a protection key adds
    to another cause is open (see `protection_key_flag`).

    Attributes:
        not_present: the walk met an entry that is not present.
        reserved: the walk met a present entry with a reserved bit set.
        rights: the access rights deny the access.
        key: the page's protection key denies it.
    """

    not_present: Bool
    reserved: Bool
    rights: Bool
    key: Bool


def faults(cause: FaultCause) -> Bool:
    """Whether there is a fault at all."""
    return any_of(cause.not_present, cause.reserved, cause.rights, cause.key)


def present_flag(cause: FaultCause) -> Bool:
    """P: 0 if an entry was not present, 1 for every other cause."""
    return negate(cause.not_present)


def write_flag(access: LinearAccess) -> Bool:
    """W/R: the access was a write."""
    return access.access.write


def user_flag(access: LinearAccess) -> Bool:
    """U/S: the access was a user-mode access; 0 for implicit accesses at any CPL."""
    return access.is_user_mode_access


def reserved_flag(cause: FaultCause) -> Bool:
    """RSVD: a reserved bit was set in a present entry; never without P."""
    return all_of(negate(cause.not_present), cause.reserved)


def instruction_flag(
    access: LinearAccess, *, smep: Bool, physical_address_extension: Bool, no_execute_enabled: Bool
) -> Bool:
    """I/D: the access was a fetch, on a processor set up to tell fetches from reads.

    Args:
        access: the access that faulted.
        smep: CR4.SMEP.
        physical_address_extension: CR4.PAE.
        no_execute_enabled: EFER.NXE.
    """
    told_apart = any_of(smep, all_of(physical_address_extension, no_execute_enabled))
    return all_of(access.access.fetch, told_apart)


def protection_key_flag(cause: FaultCause, *, key_flag_beside_other_cause: Bool) -> Bool:
    """PK: the protection key denied the access.

    If the key is the only cause the flag is 1, and if the key does not deny, it is 0.  If rights or reserved
    bits deny the access too, the flag is ``key_flag_beside_other_cause`` (open choice `PK_BESIDE_OTHER`).
    An entry that is not present has no key.
    """
    other = any_of(cause.rights, cause.reserved)
    return all_of(negate(cause.not_present), cause.key, any_of(negate(other), key_flag_beside_other_cause))


def error_code(
    cause: FaultCause,
    access: LinearAccess,
    *,
    smep: Bool,
    physical_address_extension: Bool,
    no_execute_enabled: Bool,
    key_flag_beside_other_cause: Bool,
) -> BitVec:
    """The error code, 32 bits; meaningful if there is a fault (see `faults`).

    Arguments as for the single flags.
    """
    instruction = instruction_flag(
        access, smep=smep, physical_address_extension=physical_address_extension, no_execute_enabled=no_execute_enabled
    )
    flags = {
        PRESENT_FLAG: present_flag(cause),
        WRITE_FLAG: write_flag(access),
        USER_FLAG: user_flag(access),
        RESERVED_FLAG: reserved_flag(cause),
        INSTRUCTION_FLAG: instruction,
        PROTECTION_KEY_FLAG: protection_key_flag(cause, key_flag_beside_other_cause=key_flag_beside_other_cause),
    }
    code = bv(0, ERROR_CODE_WIDTH)
    for position, flag in flags.items():
        code = code | (to_bv(flag, ERROR_CODE_WIDTH) << position)
    return code
