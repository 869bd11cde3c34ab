"""Defects of what the MMU of a new VM begins with."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.created_vms import ReferenceCreatedVms
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import BitVec, Bool, boolean, bv

_MMU_C, _TABLES = "arch/x86/kvm/mmu/mmu.c", 1


class _NoMmioValue(ReferenceCreatedVms):
    def _mmio_value(self, _value: BitVec) -> BitVec:
        return bv(0, 64)


class _TablesUnzeroed(ReferenceCreatedVms):
    def _is_zeroed(self, number: int) -> Bool:
        return boolean(number != _TABLES)


def _with(variant: type[ReferenceCreatedVms]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, created_vms=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "new-vm-without-mmio-value",
        "A VM takes every SPTE without the bits of the mask for one of MMIO.",
        _MMU_C,
        r"kvm->arch\.shadow_mmio_value = shadow_mmio_value;",
        "kvm->arch.shadow_mmio_value = 0;",
        _with(_NoMmioValue),
    ),
    defect(
        "new-vm-splits-into-garbage",
        "A huge page is split into a table that holds what the page of memory held before.",
        _MMU_C,
        r"split_shadow_page_cache\.gfp_zero = __GFP_ZERO;",
        "split_shadow_page_cache.gfp_zero = 0;",
        _with(_TablesUnzeroed),
    ),
)
