"""Defects of what KVM takes for the width of addresses."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.address_widths import ReferenceAddressWidths
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import BitVec

_SPTE_C = "arch/x86/kvm/mmu/spte.c"


class _Reduced(ReferenceAddressWidths):
    def _of_leaf(self, told: BitVec, _found: BitVec) -> BitVec:
        return _found


class _LinearToo(ReferenceAddressWidths):
    def _of_leaf(self, told: BitVec, _found: BitVec) -> BitVec:
        return super()._of_leaf(told >> 8, _found)


def _takes(variant: type[ReferenceAddressWidths]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, address_widths=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "width-reduced",
        "Bits that name a key of memory encryption are taken for reserved ones.",
        _SPTE_C,
        r"return cpuid_eax\(0x80000008\) & 0xff;",
        "return boot_cpu_data.x86_phys_bits;",
        _takes(_Reduced),
    ),
    defect(
        "width-of-linear-addresses",
        "The width of linear addresses is taken for that of physical ones.",
        _SPTE_C,
        r"return cpuid_eax\(0x80000008\) & 0xff;",
        "return (cpuid_eax(0x80000008) >> 8) & 0xff;",
        _takes(_LinearToo),
    ),
)
