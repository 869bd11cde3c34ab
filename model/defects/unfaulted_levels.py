"""Defects of how large pages may be where none faults."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.unfaulted_levels import ReferenceUnfaultedLevels
from mmuproof.smt.terms import BitVec, Bool

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _PrivateByHost(ReferenceUnfaultedLevels):
    def _asks_guest(self, private: Bool, only: Bool) -> Bool:
        return only


class _Larger(ReferenceUnfaultedLevels):
    def _lower(self, behind: BitVec, most: BitVec) -> BitVec:
        return most


def _finds(variant: type[ReferenceUnfaultedLevels]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, unfaulted_levels=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "unfaulted-private-by-host",
        "Small pages of private memory are put together by what the host maps where the guest shares memory.",
        _MMU_C,
        r"is_private = kvm_mem_is_private\(kvm, gfn\);",
        "is_private = false;",
        _finds(_PrivateByHost),
    ),
    defect(
        "unfaulted-larger",
        "Small pages are put together to one that is larger than the host's.",
        _MMU_C,
        r"return min\(host_level, max_level\);",
        "return fault ? min(host_level, max_level) : max_level;",
        _finds(_Larger),
    ),
)
