"""Defects of the mask set-up."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.edits import SourceEdit
from mmuproof.model.masks import Host, ShadowMasks
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.masks import ReferenceMasks
from mmuproof.smt.terms import TRUE, BitVec, Bool, bit, bv, eq, ite, ule, var

_SPTE_C = "arch/x86/kvm/mmu/spte.c"
_SVM_C = "arch/x86/kvm/svm/svm.c"
_VMX_C = "arch/x86/kvm/vmx/vmx.c"


class _TrackMaskWithoutXu(ReferenceMasks):
    def _acc_track_mask(self) -> int:
        return self.constants.VMX_EPT_RWX_MASK


class _KeyIdsTooLow(ReferenceMasks):
    def _key_id_bits(self, host: Host) -> BitVec:
        lower = super()._key_id_bits(replace(host, x86_phys_bits=host.x86_phys_bits - 1))
        return ite(eq(host.x86_phys_bits, host.maxphyaddr), bv(0, 64), lower)


class _EncryptionBitMarksMmio(ReferenceMasks):
    def _lowest_reserved(self, host: Host) -> BitVec:
        return host.x86_phys_bits


class _HighestBitAlways(ReferenceMasks):
    def _has_reserved_bit(self, host: Host) -> Bool:
        return ule(host.maxphyaddr, 52)


class _MmioCachingKept(ReferenceMasks):
    def _wants_mmio_caching(self, masks: ShadowMasks) -> Bool:
        return masks.enable_mmio_caching


class _LowerGfnOneShort(ReferenceMasks):
    def _lower_gfn(self, host: Host) -> BitVec:
        return super()._lower_gfn(host) & (super()._lower_gfn(host) >> 1)


class _MmioValueLikeEmpty(ReferenceMasks):
    def _ept_mmio_value(self) -> int:
        return self.constants.VMX_EPT_SUPPRESS_VE_BIT

    def _unlike_frozen(self, value: BitVec, mask: BitVec) -> Bool:
        return TRUE


class _AdBitsLeftOff(ReferenceMasks):
    def _ad_enabled_at_first(self, earlier: str) -> Bool:
        return bit(var(f"kvm_ad_enabled after {earlier}", 1), 0)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "track-mask-without-xu",
        "Access tracking leaves XU set.",
        _SPTE_C,
        r"(shadow_acc_track_mask\s*= VMX_EPT_RWX_MASK) \| VMX_EPT_USER_EXECUTABLE_MASK;",
        r"\1;",
        partial(ReferenceKvm, masks=_TrackMaskWithoutXu),
    ),
    defect(
        "key-ids-from-a-bit-too-low",
        "The highest usable address bit is taken for one of an encryption key.",
        _VMX_C,
        r"(me_mask = rsvd_bits\(boot_cpu_data\.x86_phys_bits),",
        r"\1 - 1,",
        partial(ReferenceKvm, masks=_KeyIdsTooLow),
    ),
    defect(
        "encryption-bit-marks-mmio",
        "The bit that marks encrypted pages is taken for the lowest reserved one.",
        _SVM_C,
        r"if \(enc_bit == mask_bit\)\s+mask_bit\+\+;",
        "",
        partial(ReferenceKvm, masks=_EncryptionBitMarksMmio),
    ),
    defect(
        "mmio-bit-never-missing",
        "Bit 51 is taken for reserved on hosts that use all 52 address bits.",
        _SPTE_C,
        r"if \(kvm_host\.maxphyaddr < 52\)",
        "if (kvm_host.maxphyaddr <= 52)",
        partial(ReferenceKvm, masks=_HighestBitAlways),
    ),
    defect(
        "mmio-caching-kept",
        "Once MMIO is not cached, no later set-up caches it.",
        _SPTE_C,
        r"enable_mmio_caching = allow_mmio_caching;",
        "",
        partial(ReferenceKvm, masks=_MmioCachingKept),
    ),
    defect(
        "lower-gfn-one-short",
        "The GFN in an MMIO SPTE is read without its highest bit.",
        _SPTE_C,
        r"GENMASK_ULL\(low_phys_bits - 1, PAGE_SHIFT\)",
        "GENMASK_ULL(low_phys_bits - 2, PAGE_SHIFT)",
        partial(ReferenceKvm, masks=_LowerGfnOneShort),
    ),
    Defect(
        "mmio-value-like-empty",
        "An MMIO SPTE of EPT is told by bit 63 alone, which frozen and empty SPTEs have too.",
        (
            SourceEdit(
                _SPTE_C, r"(kvm_mmu_set_mmio_spte_mask\()VMX_EPT_MISCONFIG_WX_VALUE,", r"\1VMX_EPT_SUPPRESS_VE_BIT,"
            ),
            SourceEdit(_SPTE_C, r"mmio_value && \(FROZEN_SPTE & mmio_mask\) == mmio_value", "0"),
        ),
        partial(ReferenceKvm, masks=_MmioValueLikeEmpty),
    ),
    defect(
        "ad-bits-left-off",
        "Without EPT, A/D bits stay off if an earlier set-up with EPT had none.",
        _SPTE_C,
        r"kvm_ad_enabled = true;",
        "",
        partial(ReferenceKvm, masks=_AdBitsLeftOff),
    ),
)
