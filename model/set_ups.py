"""Set-ups of a vCPU's MMUs one after the other, as a proof sees them: all that the last of them leaves."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from mmuproof.model.evidence import Evidence
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reserved_bits import MmuKind, MmuRequest
from mmuproof.smt.terms import BitVec

LEVELS = 5
NO_HANDLER, HANDLER_BEFORE = 0, 1
"""What stands for a null pointer, and for whatever a member held before all set-ups."""


class TableFormat(IntEnum):
    """For which tables of the guest a handler is made, as numbers of eight bits.

    ``NONE`` is a null pointer, ``BEFORE`` whatever was there before all set-ups, and ``TDP`` a handler that
    reads no tables of the guest.
    """

    NONE = NO_HANDLER
    BEFORE = HANDLER_BEFORE
    UNPAGED = 2
    FOUR_BYTES = 3
    EIGHT_BYTES = 4
    EPT = 5
    TDP = 6


_PREFIXES = {
    "nonpaging_": TableFormat.UNPAGED,
    "paging32_": TableFormat.FOUR_BYTES,
    "paging64_": TableFormat.EIGHT_BYTES,
    "ept_": TableFormat.EPT,
    "kvm_tdp_": TableFormat.TDP,
}
OF_TABLES = ("gva_to_gpa", "page_fault", "sync_spte", "sync_page")
"""The handlers that are made for tables of one format; the last two are one, over time."""


FUNCTIONS = tuple(f"{prefix}{name}" for prefix in _PREFIXES for name in OF_TABLES)
"""What functions are called that are made for tables of one format."""


def format_of(function: str) -> TableFormat | None:
    """For which tables a function is made, by how KVM calls what it makes of one text for each format."""
    return next((each for prefix, each in _PREFIXES.items() if function.startswith(prefix)), None)


def handler_number(function: str) -> int:
    """What stands for a function of the kernel that a pointer leads to: a number of 32 bits."""
    return zlib.crc32(function.encode())


@dataclass(frozen=True)
class SetUpCall:
    """A set-up of one MMU: which, what is asked, and the vCPU's ``hflags`` (32), which say if it is in SMM or L2."""

    kind: MmuKind
    request: MmuRequest
    hflags: BitVec


@dataclass(frozen=True)
class EntryTable:
    """Reserved bits of entries: masks (64) by bit 7 of an entry and by level from 1, and the bad low six bits (64)."""

    masks: Mapping[str, BitVec]
    bad_mt_xwr: BitVec


def mask_name(bit7: bool, level: int) -> str:
    """What an element of `EntryTable.masks` is called, in the kernel's words."""
    return f"rsvd_bits_mask[{bit7:d}][{level - 1}]"


@dataclass(frozen=True, kw_only=True)
class WalkSetUp:
    """What KVM has for walking the guest's tables.

    Attributes:
        role: the CPU role (64).
        level: how many levels the tables have, 0 without paging (4).
        permissions: one vector an error code.
        pkru_mask: for protection keys (32).
        reserved: the guest's reserved bits.
    """

    role: BitVec
    level: BitVec
    permissions: tuple[BitVec, ...]
    pkru_mask: BitVec
    reserved: EntryTable


@dataclass(frozen=True, kw_only=True)
class BuiltSetUp:
    """What KVM has for building tables.

    Attributes:
        role: the root role (32).
        level: how many levels the tables have (4).
        reserved: the reserved bits of SPTEs.
        permissions: what SPTEs permit, as in `WalkSetUp`; nothing in a tree that judges an SPTE by its bits.
    """

    role: BitVec
    level: BitVec
    reserved: EntryTable
    permissions: tuple[BitVec, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class MmuSetUp:
    """The MMU of the last set-up.

    Attributes:
        handlers: by member the function that it leads to (32), as `handler_number` has it.
        formats: by member for which tables the function is made that it leads to (8), a `TableFormat`.
        walk: the tables that are walked.
        built: the tables that are built; L2's own are only walked.
        evidence: how it came about.
    """

    handlers: Mapping[str, BitVec]
    formats: Mapping[str, BitVec]
    walk: WalkSetUp
    built: BuiltSetUp | None
    evidence: Evidence


class SetUps(ABC):
    """How KVM sets up the MMUs of a vCPU."""

    @abstractmethod
    def after(self, calls: Sequence[SetUpCall], masks: ShadowMasks, *, world: str = "") -> MmuSetUp:
        """What the last of some set-ups leaves of its MMU.

        Before, the MMUs hold anything, and their roles are invalid, as ``kvm_mmu_after_set_cpuid()`` leaves them.
        What else there is of the vCPU and of the host, which encrypts no memory, stays the same all the time.

        Args:
            calls: one at least.
            masks: the masks of the host's SPTEs.
            world: tells what the MMUs hold before from what they hold before in another world.
        """
