"""The ``shadow_*`` masks, as a proof sees them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import BitVec, Bool


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


class Masks(ABC):
    """How KVM sets its masks up."""

    @abstractmethod
    def shadow_masks(self, vendor: Vendor) -> ShadowMasks:
        """The masks after ``kvm_mmu_reset_all_pte_masks()`` and, for EPT, ``kvm_mmu_set_ept_masks()``."""
