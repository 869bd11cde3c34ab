"""Software walks of guest page tables, as a proof sees them: permission metadata, permission_fault(), guest entries."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import BitVec, Bool


class WalkKind(enum.Enum):
    """Whose page tables a software walk reads."""

    NESTED_EPT = "nested EPT"
    """L1's EPT, shadowed for L2 (``kvm_init_shadow_ept_mmu``)."""
    NESTED_NPT = "nested NPT"
    """L1's nested page tables, shadowed for L2 (``kvm_init_shadow_npt_mmu``)."""
    GUEST = "guest page tables"
    """The guest's own page tables."""


class GpteFormat(enum.Enum):
    """The formats that ``paging_tmpl.h`` is compiled for."""

    EPT = "ept"
    PAGING64 = "paging64"
    PAGING32 = "paging32"


@dataclass(frozen=True)
class PagingMetadata:
    """What KVM precomputes from a CPU role.

    ``permissions`` has one vector per error code (bits 4:1), one bit per ACC_* combination, 1 for a fault.
    ``pkru_mask`` is 32 bits: two for each error code with the page's U bit in place of RSVD.
    """

    permissions: tuple[BitVec, ...]
    pkru_mask: BitVec


@dataclass(frozen=True, eq=False, kw_only=True)
class GuestWalk:
    """An MMU with a CPU role and the metadata that KVM computes from it.

    ``flags`` are the members of the role by the kernel's names; ``role`` is the whole, in the
    implementation's own layout.  ``state`` belongs to the implementation.
    """

    kind: WalkKind
    role: BitVec
    flags: Mapping[str, BitVec]
    before: PagingMetadata
    metadata: PagingMetadata
    evidence: Evidence
    state: object = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class NestedControls:
    """What L1 asks of the nested MMU that KVM sets up for L2.

    For EPT: whether execute-only translations are offered, EPTP's A/D bit, and MBEC.  For nested paging: the
    registers of L1 as 64-bit values, and GMET.
    """

    execonly: Bool
    accessed_dirty: Bool
    mbec: Bool
    cr4: BitVec
    efer: BitVec
    gmet: Bool


@dataclass(frozen=True, kw_only=True)
class NestedSetUp:
    """A nested MMU after KVM has set it up for L2.

    ``role_changed`` is false if the MMU had a valid role before that it still has, and so may have been left as
    it was.  ``earlier_role`` is the free CPU role that it had before.  ``in_smm`` and ``in_guest_mode`` tell the
    free mode of the vCPU, ``eptp`` (64 bits) the free EPTP that a nested EPT is set up for.
    """

    walk: GuestWalk
    role_changed: Bool
    earlier_role: BitVec
    in_smm: Bool
    in_guest_mode: Bool
    eptp: BitVec


@dataclass(frozen=True, kw_only=True)
class PermissionFault:
    """The result of ``permission_fault()``, and what it read besides its arguments.

    ``error_code`` has 8 bits and is 0 if the access does not fault.  ``cr0_wp`` is the CR0.WP that counts:
    the role's, or the vCPU's where hardware may change it without an exit.
    """

    error_code: BitVec
    eflags_ac: Bool
    pkru: BitVec
    cr0_wp: Bool
    evidence: Evidence


class Walks(ABC):
    """KVM's software walks of guest page tables."""

    @property
    @abstractmethod
    def has_gmet(self) -> bool:
        """Whether the permission bitmask knows GMET."""

    @property
    @abstractmethod
    def role_access_bits(self) -> int:
        """How many bits ``role.access`` has."""

    @abstractmethod
    def guest_walk(self, kind: WalkKind, *, world: str = "", role: BitVec | None = None) -> GuestWalk:
        """An MMU whose role and old metadata are free, after KVM has recomputed the metadata.

        Args:
            kind: which page tables are walked.
            world: tells the free inputs of one MMU from those of another.
            role: the role instead of a free one.
        """

    @abstractmethod
    def nested_set_up(self, kind: WalkKind, controls: NestedControls) -> NestedSetUp:
        """A nested MMU as ``kvm_init_shadow_ept_mmu()`` or ``kvm_init_shadow_npt_mmu()`` leaves it.

        Its earlier role and metadata are free.
        """

    @abstractmethod
    def permission_fault(
        self, walk: GuestWalk, pte_access: BitVec, pte_pkey: BitVec, access: BitVec
    ) -> PermissionFault:
        """``permission_fault()``; ``pte_access`` and ``pte_pkey`` have 32 bits, ``access`` 64."""

    @abstractmethod
    def gpte_access(self, gpte_format: GpteFormat, gpte: BitVec) -> BitVec:
        """``FNAME(gpte_access)()``: the ACC_* bits (32) of a guest entry (64)."""

    @abstractmethod
    def is_present_gpte(self, gpte_format: GpteFormat, walk: GuestWalk, gpte: BitVec) -> Bool:
        """``FNAME(is_present_gpte)()`` for a guest entry of 64 bits."""

    @abstractmethod
    def is_bad_mt_xwr(self, gpte: BitVec, execonly: Bool) -> Bool:
        """Whether the EPT checks for memory type and permission combinations reject a guest entry."""

    @abstractmethod
    def has_bad_mt_xwr(self, walk: GuestWalk, gpte: BitVec) -> Bool:
        """The same by the table that a nested EPT's own set-up has made."""
