"""Defects of asking for a fault's frame."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.frame_searches import ReferenceFrameSearches
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, TRUE, Bool

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _PrivateOfHost(ReferenceFrameSearches):
    def _keeps_private(self) -> Bool:
        return FALSE


class _AnyPage(ReferenceFrameSearches):
    def _asks_write(self, _writes: Bool) -> Bool:
        return FALSE


class _LargerPage(ReferenceFrameSearches):
    def _huge_order(self) -> int:
        return 9


class _ReadonlyWritable(ReferenceFrameSearches):
    def _writable(self, _readonly: Bool) -> Bool:
        return TRUE


def _searches(variant: type[ReferenceFrameSearches]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, frame_searches=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "private-frame-of-host",
        "The frame of private memory is asked of the host's page tables.",
        _MMU_C,
        r"if \(fault->is_private \|\| kvm_memslot_is_gmem_only\(fault->slot\)\)"
        r"(\s+return kvm_mmu_faultin_pfn_gmem\(vcpu, fault\);)",
        r"if (0)\1",
        _searches(_PrivateOfHost),
    ),
    defect(
        "write-fault-asks-to-read",
        "For a write the host is asked for any page, and not for one that can be written.",
        _MMU_C,
        r"unsigned int foll = fault->write \? FOLL_WRITE : 0;",
        "unsigned int foll = 0;",
        _searches(_AnyPage),
    ),
    defect(
        "guest-memory-too-large",
        "A page of 2 MByte of the guest's own memory counts as one of 1 GByte.",
        _MMU_C,
        r"if \(order >= KVM_HPAGE_GFN_SHIFT\(PG_LEVEL_1G\)\)",
        "if (order >= KVM_HPAGE_GFN_SHIFT(PG_LEVEL_2M))",
        _searches(_LargerPage),
    ),
    defect(
        "guest-memory-always-writable",
        "The guest's own memory may be written in a read-only slot.",
        _MMU_C,
        r"fault->map_writable = !\(fault->slot->flags & KVM_MEM_READONLY\);",
        "fault->map_writable = true;",
        _searches(_ReadonlyWritable),
    ),
)
