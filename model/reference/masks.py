"""The ``shadow_*`` masks: what KVM's set-up computes for a vendor from what it knows of the processor."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.model.evidence import CheckKind
from mmuproof.model.masks import Host, Masks, ShadowMasks, memory_encryption, runs_on_amd
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import (
    TRUE,
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


def _has_l1tf() -> Bool:
    return bit(var("boot_cpu_has_bug(X86_BUG_L1TF)", 1), 0)


def _mask(value: int) -> BitVec:
    return bv(value, _U64)


def _below(bits: BitVec) -> BitVec:
    """The address bits below a number of less than 64."""
    return (_mask(1) << zext(bits, _U64)) - 1


class ReferenceMasks(ReferenceArea, Masks):
    """The set-up of ``spte.c``, and what the two modules for Intel's and AMD's processors ask of it."""

    def __init__(self, constants: Constants | None = None) -> None:
        super().__init__(constants)
        self._known_masks: dict[tuple[Vendor, str], ShadowMasks] = {}

    def shadow_masks(self, vendor: Vendor, earlier: str = "an earlier set-up") -> ShadowMasks:
        """See `Masks.shadow_masks`."""
        key = (vendor, earlier)
        if key not in self._known_masks:
            masks = self.reset_all_pte_masks(vendor, earlier)
            if vendor is Vendor.INTEL:
                masks = self.set_ept_masks(masks)
            masks = self.set_me_spte_mask(masks, *self._me_spte_mask(masks.host))
            self._known_masks[key] = self.adjust_mmio_mask(masks)
        return self._known_masks[key]

    def reset_all_pte_masks(self, vendor: Vendor, earlier: str) -> ShadowMasks:
        """``kvm_mmu_reset_all_pte_masks()``: the masks of ordinary page tables."""
        c = self.constants
        host = Host(
            x86_phys_bits=var("boot_cpu_data.x86_phys_bits", 8),
            x86_cache_bits=var("boot_cpu_data.x86_cache_bits", 8),
            maxphyaddr=var("kvm_host.maxphyaddr", 8),
            has_ad_bits=bool_var("has_ad_bits"),
            has_exec_only=bool_var("has_exec_only"),
            is_amd=runs_on_amd(vendor),
            has_l1tf=_has_l1tf(),
            encryption=memory_encryption(),
        )
        trace = Trace("kvm_mmu_reset_all_pte_masks")
        trace.check(CheckKind.WARN, any_of(negate(_has_l1tf()), self._width_fits(host)))
        nonpresent_or_rsvd = trace.step("shadow_nonpresent_or_rsvd_mask", self._nonpresent_or_rsvd(host))
        lower_gfn = trace.step("shadow_nonpresent_or_rsvd_lower_gfn_mask", self._lower_gfn(host))
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
            mmio_value=var(f"shadow_mmio_value after {earlier}", _U64),
            mmio_mask=var(f"shadow_mmio_mask after {earlier}", _U64),
            mmio_access_mask=var(f"shadow_mmio_access_mask after {earlier}", _U64),
            enable_mmio_caching=bit(var(f"enable_mmio_caching after {earlier}", 1), 0),
            me_value=_mask(0),
            me_mask=_mask(0),
            nonpresent_or_rsvd=nonpresent_or_rsvd,
            lower_gfn=lower_gfn,
            ad_enabled=self._ad_enabled_at_first(earlier),
            evidence=trace.evidence,
            state=None,
        )
        reserved = self._reserved_mmio_mask(host)
        return self.set_mmio_spte_mask(masks, reserved, reserved, c.ACC_WRITE_MASK | c.ACC_USER_MASK)

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
            ad_enabled=masks.host.has_ad_bits,
        )
        return self.set_mmio_spte_mask(
            masks, _mask(self._ept_mmio_value()), _mask(c.VMX_EPT_RWX_MASK | c.VMX_EPT_SUPPRESS_VE_BIT), 0
        )

    def _ad_enabled_at_first(self, earlier: str) -> Bool:
        """Ordinary page tables have A/D bits."""
        return TRUE

    def _ept_mmio_value(self) -> int:
        """What marks an MMIO SPTE of EPT: permissions that are a misconfiguration."""
        return self.constants.VMX_EPT_MISCONFIG_WX_VALUE

    def _acc_track_mask(self) -> int:
        """What is cleared in an SPTE to track accesses: every permission that EPT has."""
        return self.constants.VMX_EPT_RWX_MASK | self.constants.VMX_EPT_USER_EXECUTABLE_MASK

    def _nonpresent_or_rsvd(self, host: Host) -> BitVec:
        """What guards non-present SPTEs against L1TF: the highest bits of addresses in the L1 cache."""
        length = self.constants.SHADOW_NONPRESENT_OR_RSVD_MASK_LEN
        cache_bits = host.x86_cache_bits
        fits = all_of(ule(bv(length, 8), cache_bits), self._width_fits(host))
        highest = _mask((1 << length) - 1) << zext(cache_bits - length, _U64)
        return ite(all_of(host.has_l1tf, fits), highest, 0)

    def _lower_gfn(self, host: Host) -> BitVec:
        """The part of a GFN, as an address, that stays where it is in an MMIO SPTE."""
        guarded = all_of(host.has_l1tf, self._width_fits(host))
        kept = host.x86_cache_bits - self.constants.SHADOW_NONPRESENT_OR_RSVD_MASK_LEN
        return _below(ite(guarded, kept, host.x86_phys_bits)) & ~((1 << self.constants.PAGE_SHIFT) - 1)

    def _width_fits(self, host: Host) -> Bool:
        """Whether above the addresses of the L1 cache there is room for the bits that are moved."""
        return ult(host.x86_cache_bits, _MAX_PHYSICAL_BITS - self.constants.SHADOW_NONPRESENT_OR_RSVD_MASK_LEN)

    def _reserved_mmio_mask(self, host: Host) -> BitVec:
        """P and the highest address bit, where that bit is reserved: its use faults with PFERR_RSVD_MASK."""
        reserved = 1 << (_MAX_PHYSICAL_BITS - 1) | self.constants.PT_PRESENT_MASK
        return ite(self._has_reserved_bit(host), _mask(reserved), 0)

    def _has_reserved_bit(self, host: Host) -> Bool:
        """Whether the processor has fewer address bits than an entry."""
        return ult(host.maxphyaddr, _MAX_PHYSICAL_BITS)

    def set_mmio_spte_mask(
        self, masks: ShadowMasks, value: BitVec, mask: BitVec, access_mask: int, condition: Bool = TRUE
    ) -> ShadowMasks:
        """``kvm_mmu_set_mmio_spte_mask()``: a value that does not fit turns the caching of MMIO off.

        It is called where ``condition`` holds; elsewhere the masks stay as they are.
        """
        trace = Trace("kvm_mmu_set_mmio_spte_mask", condition)
        trace.check(CheckKind.WARN, eq(value & masks.lower_gfn, 0))
        value = ite(self._wants_mmio_caching(masks), value, 0)
        for holds in self._mmio_conditions(masks, value, mask):
            trace.check(CheckKind.WARN, holds)
        value = ite(all_of(*self._mmio_conditions(masks, value, mask)), value, 0)
        return replace(
            masks,
            mmio_value=ite(condition, trace.step("shadow_mmio_value", value), masks.mmio_value),
            mmio_mask=ite(condition, trace.step("shadow_mmio_mask", mask), masks.mmio_mask),
            mmio_access_mask=ite(condition, _mask(access_mask), masks.mmio_access_mask),
            enable_mmio_caching=ite(condition, ne(value, 0), masks.enable_mmio_caching),
            evidence=masks.evidence + trace.evidence,
        )

    def _wants_mmio_caching(self, masks: ShadowMasks) -> Bool:
        """Whether the user wants it: what the module parameter was at first, not what became of it."""
        return bit(var("allow_mmio_caching", 1), 0)

    def _mmio_conditions(self, masks: ShadowMasks, value: BitVec, mask: BitVec) -> tuple[Bool, ...]:
        """What the value that marks MMIO SPTEs has to satisfy; 0 always does once the mask is allowed."""
        c = self.constants
        relocated_gfn = masks.nonpresent_or_rsvd << c.SHADOW_NONPRESENT_OR_RSVD_MASK_LEN
        return (
            eq(mask & ~c.SPTE_MMIO_ALLOWED_MASK, 0),
            eq(value & relocated_gfn, 0),
            eq(value & mask, value),
            self._unlike_frozen(value, mask),
        )

    def _unlike_frozen(self, value: BitVec, mask: BitVec) -> Bool:
        """Whether a frozen SPTE is not taken for an MMIO SPTE; without a value nothing is."""
        return any_of(eq(value, 0), ne(mask & self.constants.FROZEN_SPTE, value))

    # -- what the modules ask for --------------------------------------------------------------------------

    def set_me_spte_mask(self, masks: ShadowMasks, value: BitVec, mask: BitVec) -> ShadowMasks:
        """``kvm_mmu_set_me_spte_mask()``: what is put into SPTEs has to be part of what can mean encryption."""
        trace = Trace("kvm_mmu_set_me_spte_mask")
        fits = eq(value & ~mask, 0)
        trace.check(CheckKind.WARN, fits)
        return replace(
            masks,
            me_value=trace.step("shadow_me_value", ite(fits, value, 0)),
            me_mask=trace.step("shadow_me_mask", ite(fits, mask, 0)),
            evidence=masks.evidence + trace.evidence,
        )

    def _me_spte_mask(self, host: Host) -> tuple[BitVec, BitVec]:
        """What the modules pass: AMD's bit as the host's kernel has it, and no use of Intel's key IDs."""
        sme_me_mask = host.encryption.sme_me_mask
        return ite(host.is_amd, sme_me_mask, 0), ite(host.is_amd, sme_me_mask, self._key_id_bits(host))

    def _key_id_bits(self, host: Host) -> BitVec:
        """``vmx_setup_me_spte_mask()``: the address bits that name keys."""
        return _below(host.maxphyaddr) & ~_below(host.x86_phys_bits)

    def adjust_mmio_mask(self, masks: ShadowMasks) -> ShadowMasks:
        """``svm_adjust_mmio_mask()``: with memory encryption, bits that are reserved although CPUID counts them."""
        host, c = masks.host, self.constants
        lowest = self._lowest_reserved(host)
        reserved = (_below(bv(_MAX_PHYSICAL_BITS, 8)) & ~_below(lowest)) | c.PT_PRESENT_MASK
        value = ite(ult(lowest, _MAX_PHYSICAL_BITS), reserved, 0)
        asked = all_of(host.is_amd, host.encryption.enabled)
        return self.set_mmio_spte_mask(masks, value, value, c.PT_WRITABLE_MASK | c.PT_USER_MASK, asked)

    def _lowest_reserved(self, host: Host) -> BitVec:
        """The lowest address bit above the usable ones that does not mark encrypted pages."""
        bits = host.x86_phys_bits
        return ite(eq(host.encryption.c_bit, bits), bits + 1, bits)
