"""The ``shadow_*`` masks: what KVM's set-up computes for a vendor from what it knows of the processor."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.model.evidence import CheckKind
from mmuproof.model.masks import Host, Masks, ShadowMasks
from mmuproof.model.reference.area import ReferenceArea
from mmuproof.model.reference.constants import Constants
from mmuproof.model.reference.trace import Trace
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import (
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    bv,
    eq,
    ite,
    ne,
    negate,
    ule,
    ult,
    var,
    zext,
)

_U64 = 64
_MAX_PHYSICAL_BITS = 52


def _mask(value: int) -> BitVec:
    return bv(value, _U64)


class ReferenceMasks(ReferenceArea, Masks):
    """``kvm_mmu_reset_all_pte_masks()`` and ``kvm_mmu_set_ept_masks()``.

    Memory encryption has not been set up, so ``shadow_me_value`` is 0.
    """

    def __init__(self, constants: Constants | None = None) -> None:
        super().__init__(constants)
        self._known_masks: dict[Vendor, ShadowMasks] = {}

    def shadow_masks(self, vendor: Vendor) -> ShadowMasks:
        """See `Masks.shadow_masks`."""
        if vendor not in self._known_masks:
            masks = self.reset_all_pte_masks(vendor)
            self._known_masks[vendor] = self.set_ept_masks(masks) if vendor is Vendor.INTEL else masks
        return self._known_masks[vendor]

    def reset_all_pte_masks(self, vendor: Vendor) -> ShadowMasks:
        """``kvm_mmu_reset_all_pte_masks()``: the masks of ordinary page tables."""
        c = self.constants
        host = Host(
            var("boot_cpu_data.x86_phys_bits", 8),
            var("boot_cpu_data.x86_cache_bits", 8),
            var("kvm_host.maxphyaddr", 8),
            bool_var("has_ad_bits"),
            bool_var("has_exec_only"),
        )
        trace = Trace("kvm_mmu_reset_all_pte_masks")
        nonpresent_or_rsvd = trace.step("shadow_nonpresent_or_rsvd_mask", self._nonpresent_or_rsvd(host))
        masks = ShadowMasks(
            vendor=vendor,
            host=host,
            host_writable=_mask(c.DEFAULT_SPTE_HOST_WRITABLE),
            mmu_writable=_mask(c.DEFAULT_SPTE_MMU_WRITABLE),
            nx=_mask(c.PT64_NX_MASK),
            user=_mask(c.PT_USER_MASK),
            x=_mask(0),
            xu=_mask(0),
            accessed=_mask(c.PT_ACCESSED_MASK),
            dirty=_mask(c.PT_DIRTY_MASK),
            present=_mask(c.PT_PRESENT_MASK),
            acc_track=_mask(0),
            mmio_value=_mask(0),
            mmio_mask=_mask(0),
            me_value=_mask(0),
            nonpresent_or_rsvd=nonpresent_or_rsvd,
            evidence=trace.evidence,
            state=None,
        )
        reserved = self._reserved_mmio_mask(host)
        return self.set_mmio_spte_mask(masks, reserved, reserved)

    def set_ept_masks(self, masks: ShadowMasks) -> ShadowMasks:
        """``kvm_mmu_set_ept_masks()``: the masks of EPT; XU has a mask with or without MBEC."""
        c = self.constants
        masks = replace(
            masks,
            host_writable=_mask(c.EPT_SPTE_HOST_WRITABLE),
            mmu_writable=_mask(c.EPT_SPTE_MMU_WRITABLE),
            nx=_mask(0),
            user=_mask(0),
            x=_mask(c.VMX_EPT_EXECUTABLE_MASK),
            xu=_mask(c.VMX_EPT_USER_EXECUTABLE_MASK),
            accessed=_mask(c.VMX_EPT_ACCESS_BIT),
            dirty=_mask(c.VMX_EPT_DIRTY_BIT),
            present=_mask(c.VMX_EPT_SUPPRESS_VE_BIT),
            acc_track=_mask(self._acc_track_mask()),
        )
        return self.set_mmio_spte_mask(
            masks,
            _mask(c.VMX_EPT_MISCONFIG_WX_VALUE),
            _mask(c.VMX_EPT_RWX_MASK | c.VMX_EPT_SUPPRESS_VE_BIT),
        )

    def _acc_track_mask(self) -> int:
        """What is cleared in an SPTE to track accesses: every permission that EPT has."""
        return self.constants.VMX_EPT_RWX_MASK | self.constants.VMX_EPT_USER_EXECUTABLE_MASK

    def _nonpresent_or_rsvd(self, host: Host) -> BitVec:
        """What guards non-present SPTEs against L1TF: the highest bits of addresses in the L1 cache."""
        length = self.constants.SHADOW_NONPRESENT_OR_RSVD_MASK_LEN
        cache_bits = host.x86_cache_bits
        affected = bit(var("boot_cpu_has_bug(X86_BUG_L1TF)", 1), 0)
        fits = all_of(ule(bv(length, 8), cache_bits), ult(cache_bits, _MAX_PHYSICAL_BITS - length))
        highest = _mask((1 << length) - 1) << zext(cache_bits - length, _U64)
        return ite(all_of(affected, fits), highest, 0)

    def _reserved_mmio_mask(self, host: Host) -> BitVec:
        """P and the highest address bit, where that bit is reserved: its use faults with PFERR_RSVD_MASK."""
        reserved = 1 << (_MAX_PHYSICAL_BITS - 1) | self.constants.PT_PRESENT_MASK
        return ite(ult(host.maxphyaddr, _MAX_PHYSICAL_BITS), _mask(reserved), 0)

    def set_mmio_spte_mask(self, masks: ShadowMasks, value: BitVec, mask: BitVec) -> ShadowMasks:
        """``kvm_mmu_set_mmio_spte_mask()``: a value that does not fit turns the caching of MMIO off."""
        trace = Trace("kvm_mmu_set_mmio_spte_mask")
        value = ite(bit(var("allow_mmio_caching", 1), 0), value, 0)
        for holds in self._mmio_conditions(masks, value, mask):
            trace.check(CheckKind.WARN, holds)
        value = ite(all_of(*self._mmio_conditions(masks, value, mask)), value, 0)
        return replace(
            masks,
            mmio_value=trace.step("shadow_mmio_value", value),
            mmio_mask=trace.step("shadow_mmio_mask", mask),
            evidence=masks.evidence + trace.evidence,
        )

    def _mmio_conditions(self, masks: ShadowMasks, value: BitVec, mask: BitVec) -> tuple[Bool, ...]:
        """What the value that marks MMIO SPTEs has to satisfy; 0 always does once the mask is allowed."""
        c = self.constants
        relocated_gfn = masks.nonpresent_or_rsvd << c.SHADOW_NONPRESENT_OR_RSVD_MASK_LEN
        return (
            eq(mask & ~c.SPTE_MMIO_ALLOWED_MASK, 0),
            eq(value & relocated_gfn, 0),
            eq(value & mask, value),
            any_of(eq(value, 0), ne(mask & c.FROZEN_SPTE, value)),
        )


def enable_mmio_caching(masks: ShadowMasks) -> Bool:
    """``enable_mmio_caching``: whether MMIO SPTEs are made at all."""
    return negate(eq(masks.mmio_value, 0))
