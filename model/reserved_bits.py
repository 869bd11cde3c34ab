"""Reserved bits, as a proof sees them: the tables that KVM computes for an MMU, and what reads them."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import BitVec, Bool


class MmuKind(enum.Enum):
    """Which of a vCPU's MMUs, and how KVM sets it up."""

    TDP = "the guest's MMU with TDP"
    """``root_mmu``: the guest's own tables are walked only to emulate; its SPTEs are EPT's or NPT's."""
    SHADOW = "the guest's MMU without TDP"
    """``root_mmu``: the guest's own tables, and what shadows them."""
    L2 = "L2's own MMU"
    """``nested_mmu``: L2's own tables; there are no SPTEs."""
    NESTED_EPT = "nested EPT"
    """``guest_mmu`` for L1's EPT, and what shadows it."""
    NESTED_NPT = "nested NPT"
    """``guest_mmu`` for L1's nested page tables, and what shadows them."""


@dataclass(frozen=True, kw_only=True)
class MmuRequest:
    """What the guest asks of an MMU; registers and EPTP have 64 bits.

    The registers are those of whoever owns the tables, which for a nested NPT is L1.  A nested EPT depends on
    ``execonly``, ``accessed_dirty``, ``mbec`` and ``eptp`` alone, and nothing else depends on these; ``gmet`` is for
    a nested NPT.
    """

    cr0: BitVec
    cr4: BitVec
    efer: BitVec
    execonly: Bool
    accessed_dirty: Bool
    mbec: Bool
    eptp: BitVec
    gmet: Bool


@dataclass(frozen=True)
class GuestCpu:
    """What CPUID and the VMX capabilities tell the guest; it changes only before the guest runs.

    Attributes:
        maxphyaddr: the guest's MAXPHYADDR, 8 bits.
        gbpages: whether the guest may use 1-GByte pages.
        amd_compatible: whether the guest's vendor is AMD or Hygon.
        ept_caps: what L1 is told of EPT, the low half of IA32_VMX_EPT_VPID_CAP, 32 bits.
    """

    maxphyaddr: BitVec
    gbpages: Bool
    amd_compatible: Bool
    ept_caps: BitVec


@dataclass(frozen=True, eq=False, kw_only=True)
class CheckedMmu:
    """An MMU with its tables of reserved bits, after KVM has set it up twice for one guest.

    Attributes:
        kind: which MMU.
        guest_cpu: what the guest knows of its processor.
        root_level: the level of KVM's root, 4 bits.
        evidence: how it came about.
        state: belongs to the implementation.
    """

    kind: MmuKind
    guest_cpu: GuestCpu
    root_level: BitVec
    evidence: Evidence
    state: object = field(repr=False)


@dataclass(frozen=True, eq=False, kw_only=True)
class ShadowCheck:
    """What KVM holds reserved in the SPTEs of one MMU.

    Attributes:
        root_level: the level of the root, which the table is made for.
        boot_gbpages: whether the host has 1-GByte pages.
        max_huge_page_level: the largest page that KVM maps, 32 bits.
        evidence: how it came about.
        state: belongs to the implementation.
    """

    root_level: int
    boot_gbpages: Bool
    max_huge_page_level: BitVec
    evidence: Evidence
    state: object = field(repr=False)


class ReservedBits(ABC):
    """KVM's tables of reserved bits."""

    @abstractmethod
    def set_up(self, kind: MmuKind, earlier: MmuRequest, now: MmuRequest) -> CheckedMmu:
        """An MMU that KVM has set up for one request and then for another.

        Before, its role is invalid, as ``kvm_mmu_after_set_cpuid()`` leaves it, and its tables hold anything.
        """

    @abstractmethod
    def is_rsvd_bits_set(self, mmu: CheckedMmu, gpte: BitVec, level: int) -> Bool:
        """``__is_rsvd_bits_set()`` with the table for the guest's entries; an entry has 64 bits."""

    @abstractmethod
    def is_rejected(self, mmu: CheckedMmu, gpte_format: GpteFormat, gpte: BitVec, level: int) -> Bool:
        """``FNAME(is_rsvd_bits_set)()``: whether a walk ends at a present guest entry of 64 bits."""

    @abstractmethod
    def pdptr_rsvd_bits(self, guest_cpu: GuestCpu) -> BitVec:
        """``pdptr_rsvd_bits()``: what has to be 0 in the PDPTEs that PAE paging loads, 64 bits."""

    @abstractmethod
    def shadow_check(self, mmu: CheckedMmu, masks: ShadowMasks, root_level: int) -> ShadowCheck:
        """What KVM holds reserved in the MMU's SPTEs, if its root has this level."""

    @abstractmethod
    def is_rsvd_spte(self, check: ShadowCheck, spte: BitVec, level: int) -> Bool:
        """``is_rsvd_spte()`` for an SPTE of 64 bits."""
