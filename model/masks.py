"""The ``shadow_*`` masks, as a proof sees them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bit, bool_var, bv, extract, ule, var, zext

_HAS_ENCRYPTION_LEAF = 0x8000001F
_LARGEST_LEAF, _SYSCFG = 0x80000000, 0xC0010010
_SYSCFG_MEM_ENCRYPT = 23


@dataclass(frozen=True)
class Encryption:
    """What an AMD processor and the host's kernel say of memory encryption.

    ``enabled`` is SYSCFG's word for it, ``c_bit`` the number (8 bits) of the address bit that marks encrypted pages,
    ``sme_me_mask`` (64 bits) what the host's kernel puts into its own entries: that bit or nothing.
    """

    enabled: Bool
    c_bit: BitVec
    sme_me_mask: BitVec


@dataclass(frozen=True, kw_only=True)
class Host:
    """What KVM knows of the processor when it sets its masks up; widths are in bits, 8 bits each.

    ``x86_phys_bits`` is the usable physical-address width, ``x86_cache_bits`` that of the L1 cache's
    addresses, ``maxphyaddr`` what CPUID says.  ``is_amd`` tells which of KVM's two modules is loaded, ``has_l1tf``
    is ``boot_cpu_has_bug(X86_BUG_L1TF)``.
    """

    x86_phys_bits: BitVec
    x86_cache_bits: BitVec
    maxphyaddr: BitVec
    has_ad_bits: Bool
    has_exec_only: Bool
    is_amd: Bool
    has_l1tf: Bool
    encryption: Encryption


def memory_encryption() -> Encryption:
    """What the processor says, free, under the names of KVM's questions for it."""
    largest_leaf, syscfg = var(f"cpuid_eax({_LARGEST_LEAF})", 32), var(f"native_read_msr({_SYSCFG})", 64)
    features = var(f"cpuid_ebx({_HAS_ENCRYPTION_LEAF})", 32)
    return Encryption(
        enabled=all_of(ule(bv(_HAS_ENCRYPTION_LEAF, 32), largest_leaf), bit(syscfg, _SYSCFG_MEM_ENCRYPT)),
        c_bit=zext(extract(features, 5, 0), 8),
        sme_me_mask=var("sme_me_mask", 64),
    )


def runs_on_amd(vendor: Vendor) -> Bool:
    """Whether kvm_amd is loaded: shadow paging is for either."""
    fixed = {Vendor.INTEL: FALSE, Vendor.AMD: TRUE}
    return fixed.get(vendor, bool_var("kvm_amd is loaded"))


@dataclass(frozen=True, eq=False, kw_only=True)
class ShadowMasks:
    """The ``shadow_*`` masks, 64 bits each, as the kernel's own set-up leaves them for a vendor.

    ``x`` is ``shadow_xs_mask``, or ``shadow_x_mask`` before XS and XU were told apart; ``xu`` is zero there.
    ``lower_gfn`` is ``shadow_nonpresent_or_rsvd_lower_gfn_mask``.  ``ad_enabled`` is ``kvm_ad_enabled``, or whether
    there is a ``shadow_accessed_mask`` where the tree asks that.
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
    mmio_access_mask: BitVec
    enable_mmio_caching: Bool
    me_value: BitVec
    me_mask: BitVec
    nonpresent_or_rsvd: BitVec
    lower_gfn: BitVec
    ad_enabled: Bool
    evidence: Evidence
    state: object = field(repr=False)


class Masks(ABC):
    """How KVM sets its masks up."""

    @abstractmethod
    def shadow_masks(self, vendor: Vendor, earlier: str = "an earlier set-up") -> ShadowMasks:
        """The masks after the module for a vendor's processors is loaded.

        That is ``kvm_mmu_reset_all_pte_masks()``, with EPT ``kvm_mmu_set_ept_masks()``, and what
        ``vmx_hardware_setup()`` or ``svm_hardware_setup()`` ask of ``kvm_mmu_set_me_spte_mask()`` and
        ``kvm_mmu_set_mmio_spte_mask()``.

        Args:
            vendor: for which tables.
            earlier: what to call the unknown values that the masks had before.
        """
