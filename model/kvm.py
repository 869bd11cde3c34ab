"""The interface of KVM's MMU that a proof sees.

Names are the kernel's.  An implementation is either the reference model (`mmuproof.model.reference`) or a
lifted tree (`mmuproof.model.lifted`).  Nothing here depends on a kernel version: what a tree lacks raises
`NotThere`, and constants are the tree's own.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import BitVec, Bool


class NotThere(Exception):  # noqa: N818 - reads as what happened
    """The implementation has nothing of the kind; ``names`` are the kernel's names that are missing."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        super().__init__(f"not defined: {', '.join(self.names)}")


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


@dataclass(frozen=True, eq=False)
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


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class NestedSetUp:
    """A nested MMU after KVM has set it up for L2.

    ``role_changed`` is false if the MMU had a valid role before that it still has, and so may have been left as
    it was.  ``earlier_role`` is the free CPU role that it had before.
    """

    walk: GuestWalk
    role_changed: Bool
    earlier_role: BitVec


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Host:
    """What KVM knows of the processor when it sets its masks up; widths are in bits, 8 bits each.

    ``x86_phys_bits`` is the usable physical-address width, ``x86_cache_bits`` that of the L1 cache's
    addresses, ``maxphyaddr`` what CPUID says.
    """

    x86_phys_bits: BitVec
    x86_cache_bits: BitVec
    maxphyaddr: BitVec
    has_ad_bits: Bool
    has_exec_only: Bool


@dataclass(frozen=True, eq=False)
class ShadowMasks:
    """The ``shadow_*`` masks, 64 bits each, as the kernel's own set-up leaves them for a vendor.

    ``x`` is ``shadow_xs_mask``, or ``shadow_x_mask`` before XS and XU were told apart; ``xu`` is zero there.
    """

    vendor: Vendor
    host: Host
    host_writable: BitVec
    mmu_writable: BitVec
    nx: BitVec
    user: BitVec
    x: BitVec
    xu: BitVec
    accessed: BitVec
    dirty: BitVec
    present: BitVec
    acc_track: BitVec
    mmio_value: BitVec
    mmio_mask: BitVec
    me_value: BitVec
    nonpresent_or_rsvd: BitVec
    evidence: Evidence
    state: object = field(repr=False)


@dataclass(frozen=True)
class SpteRequest:
    """The arguments of ``make_spte()``; widths in bits: level 4, access 32, pfn and old_spte 64."""

    level: BitVec
    ad_disabled: Bool
    pte_access: BitVec
    pfn: BitVec
    old_spte: BitVec
    prefetch: Bool
    synchronizing: Bool
    host_writable: Bool


@dataclass(frozen=True)
class MadeSpte:
    """The results of ``make_spte()``: the SPTE (64 bits), whether it had to be write-protected.

    ``nx_huge_pages`` tells whether the iTLB-multihit mitigation was on, ``unsync_refused`` what
    ``mmu_try_to_unsync_pages()`` says if it is asked: the page has to stay write-protected.
    """

    spte: BitVec
    wrprot: Bool
    nx_huge_pages: Bool
    unsync_refused: Bool
    evidence: Evidence


@dataclass(frozen=True)
class Predicates:
    """What KVM's own predicates say of one SPTE."""

    is_frozen: Bool
    is_mmio: Bool
    is_shadow_present: Bool


@dataclass(frozen=True)
class Tracked:
    """An SPTE after ``mark_spte_for_access_track()`` and after ``restore_acc_track_spte()`` on that.

    ``is_access_track`` is KVM's own predicate on the marked SPTE, ``twice`` the SPTE marked twice.
    """

    marked: BitVec
    restored: BitVec
    twice: BitVec
    is_access_track: Bool
    was_access_track: Bool
    evidence: Evidence


class Kvm(ABC):
    """An implementation of KVM's MMU code."""

    @abstractmethod
    def constant(self, name: str) -> int:
        """The value of a macro or enumerator.

        Raises:
            NotThere: it is not defined.
        """

    def defines(self, name: str) -> bool:
        """Whether a macro or enumerator is defined."""
        try:
            self.constant(name)
        except NotThere:
            return False
        return True

    @property
    @abstractmethod
    def has_gmet(self) -> bool:
        """Whether the permission bitmask knows GMET."""

    @property
    @abstractmethod
    def role_access_bits(self) -> int:
        """How many bits ``role.access`` has."""

    @abstractmethod
    def failed_assertions(self) -> tuple[str, ...]:
        """Every ``static_assert`` that does not hold, with its place."""

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

    @abstractmethod
    def shadow_masks(self, vendor: Vendor) -> ShadowMasks:
        """The masks after ``kvm_mmu_reset_all_pte_masks()`` and, for EPT, ``kvm_mmu_set_ept_masks()``."""

    @abstractmethod
    def predicates(self, masks: ShadowMasks, spte: BitVec) -> Predicates:
        """KVM's predicates on an SPTE of 64 bits."""

    @abstractmethod
    def make_spte(self, masks: ShadowMasks, request: SpteRequest) -> MadeSpte:
        """``make_spte()``."""

    @abstractmethod
    def access_track(self, masks: ShadowMasks, spte: BitVec) -> Tracked:
        """``mark_spte_for_access_track()`` and ``restore_acc_track_spte()`` on an SPTE of 64 bits."""
