"""Defects of MMIO SPTEs."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect, with_numbers
from mmuproof.model.edits import SourceEdit
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.mmio import ReferenceMmio
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, eq

_SPTE_H = "arch/x86/kvm/mmu/spte.h"
_SPTE_C = "arch/x86/kvm/mmu/spte.c"
_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _GfnShiftOffByOne(ReferenceMmio):
    def _gfn_shift(self) -> int:
        return super()._gfn_shift() - 1


class _AddressUnguarded(ReferenceMmio):
    def _guarded_address(self, masks: ShadowMasks, gpa: BitVec) -> BitVec:
        return gpa | ((gpa & masks.nonpresent_or_rsvd) << self.constants.SHADOW_NONPRESENT_OR_RSVD_MASK_LEN)


class _WrapUnnoticedInSmm(ReferenceMmio):
    def _has_wrapped(self, generation: BitVec, address_spaces: BitVec) -> Bool:
        return eq(generation & self.constants.MMIO_SPTE_GEN_MASK, 0)


class _WrapNeverZaps(ReferenceMmio):
    def _has_wrapped(self, generation: BitVec, address_spaces: BitVec) -> Bool:
        return FALSE


class _BelievedDuringUpdate(ReferenceMmio):
    def _is_settled(self, generation: BitVec) -> Bool:
        return TRUE


DEFECTS: tuple[Defect, ...] = (
    defect(
        "mmio-gfn-shift-off-by-one",
        "Reading an MMIO SPTE takes the relocated part of the GFN from a bit too low.",
        _MMU_C,
        r"(gpa \|= \(spte >> )SHADOW_NONPRESENT_OR_RSVD_MASK_LEN\)",
        r"\1(SHADOW_NONPRESENT_OR_RSVD_MASK_LEN - 1))",
        partial(ReferenceKvm, mmio=_GfnShiftOffByOne),
    ),
    defect(
        "mmio-address-unguarded",
        "An MMIO SPTE lacks the bits that guard it against L1TF.",
        _SPTE_C,
        r"(spte \|= gpa) \| shadow_nonpresent_or_rsvd_mask;",
        r"\1;",
        partial(ReferenceKvm, mmio=_AddressUnguarded),
    ),
    defect(
        "mmio-wrap-unnoticed-in-smm",
        "That the generation comes round is noticed in the first address space only.",
        _MMU_C,
        r"gen &= ~\(\(u64\)kvm_arch_nr_memslot_as_ids\(kvm\) - 1\);",
        "",
        partial(ReferenceKvm, mmio=_WrapUnnoticedInSmm),
    ),
    defect(
        "mmio-wrap-never-zaps",
        "Nothing is zapped when the generation comes round.",
        _MMU_C,
        r"if \(unlikely\(gen == 0\)\) (\{\s+kvm_debug_ratelimited\(\"zapping shadow pages for mmio)",
        r"if (0) \1",
        partial(ReferenceKvm, mmio=_WrapNeverZaps),
    ),
    defect(
        "mmio-generation-at-xu",
        "The generation in an MMIO SPTE reaches bit 10, which is XU under MBEC.",
        _SPTE_H,
        r"(#define MMIO_SPTE_GEN_LOW_END\s+)9",
        r"\g<1>10",
        with_numbers(
            MMIO_SPTE_GEN_LOW_MASK=0b1111_1111 << 3, MMIO_SPTE_GEN_HIGH_SHIFT=44, MMIO_SPTE_GEN_MASK=(1 << 19) - 1
        ),
    ),
    Defect(
        "mmio-generation-at-mmu-present",
        "The generation in an MMIO SPTE reaches bit 11, which is MMU-present.",
        (
            SourceEdit(_SPTE_H, r"(#define MMIO_SPTE_GEN_LOW_START\s+)3", r"\g<1>5"),
            SourceEdit(_SPTE_H, r"(#define MMIO_SPTE_GEN_LOW_END\s+)9", r"\g<1>11"),
        ),
        with_numbers(MMIO_SPTE_GEN_LOW_MASK=0b111_1111 << 5, MMIO_SPTE_GEN_LOW_SHIFT=5),
    ),
    defect(
        "mmio-believed-during-update",
        "MMIO SPTEs are believed while memory slots are changed.",
        _MMU_C,
        r"if \(unlikely\(gen & KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS\)\)\s+return false;",
        "",
        partial(ReferenceKvm, mmio=_BelievedDuringUpdate),
    ),
)
