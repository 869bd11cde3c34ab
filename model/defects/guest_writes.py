"""Defects of what follows when a guest writes to its tables."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.guest_writes import ReferenceGuestWrites
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, BitVec, Bool, bv, eq

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _OfTwoQuadrants(ReferenceGuestWrites):
    def _is_of_quadrant(self, found: BitVec, quadrant: BitVec) -> Bool:
        return eq(found & 1, quadrant)


class _HalfOfDirectory(ReferenceGuestWrites):
    def _of_directory(self) -> BitVec:
        return bv(1, 32)


class _NeverGivesUp(ReferenceGuestWrites):
    def _gives_up(self, _small: Bool) -> Bool:
        return FALSE


class _OfAnyEntrySize(ReferenceGuestWrites):
    def _ignored(self) -> tuple[str, ...]:
        return (*super()._ignored(), "has_4_byte_gpte")


class _DirectAsWell(ReferenceGuestWrites):
    def _is_direct(self) -> Bool:
        return FALSE


def _with(variant: type[ReferenceGuestWrites]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, guest_writes=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "written-other-quadrant",
        "A write to the upper half of a directory with entries of 4 bytes is taken for one to the lower half.",
        _MMU_C,
        r"quadrant = page_offset >> PAGE_SHIFT;",
        "quadrant = (page_offset >> PAGE_SHIFT) & 1;",
        _with(_OfTwoQuadrants),
    ),
    defect(
        "written-half-of-directory",
        "A write to an entry of 4 bytes in a directory zaps one of the two SPTEs that it has.",
        _MMU_C,
        r"\*nspte = 2;",
        "*nspte = 1;",
        _with(_HalfOfDirectory),
    ),
    defect(
        "written-over-two-entries",
        "A write over several entries counts as one to the first.",
        _MMU_C,
        r"return misaligned;",
        "return false;",
        _with(_NeverGivesUp),
    ),
    defect(
        "synced-with-other-entry-size",
        "A page of a table with small entries is synchronized by an MMU for large ones.",
        _MMU_C,
        r"(const union kvm_mmu_page_role sync_role_ign = \{)",
        r"\1\n.has_4_byte_gpte = 1,",
        _with(_OfAnyEntrySize),
    ),
    defect(
        "synced-direct-page",
        "A page that shadows no table is synchronized, if the root is direct.",
        _MMU_C,
        r"sp->role\.direct \|\| !vcpu->arch\.mmu->sync_spte",
        "!vcpu->arch.mmu->sync_spte",
        _with(_DirectAsWell),
    ),
)
