"""Defects of walks over the tables that KVM builds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.shadow_walks import ReferenceShadowWalks
from mmuproof.model.shadow_walks import RootKind, SptesFound
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bv

_MMU_C, _TDP_MMU_C = "arch/x86/kvm/mmu/mmu.c", "arch/x86/kvm/mmu/tdp_mmu.c"


class _ThroughHugePages(ReferenceShadowWalks):
    def _is_last(self, _spte: BitVec, _level: int) -> Bool:
        return FALSE


class _HighBits(ReferenceShadowWalks):
    def _frame_bits(self) -> int:
        return (1 << 64) - (1 << 12)


class _LevelOfRole(ReferenceShadowWalks):
    def sptes(self, kind: RootKind) -> SptesFound:
        return replace(super().sptes(kind), root_level=bv(kind.root_level, 32))


class _LeafUnjudged(ReferenceShadowWalks):
    def _is_judged(self, _spte: BitVec, goes_on: Bool) -> Bool:
        return goes_on


class _MmioJudged(ReferenceShadowWalks):
    def _is_judged(self, _spte: BitVec, _goes_on: Bool) -> Bool:
        return TRUE


class _KeepsNothing(ReferenceShadowWalks):
    def _keeps(self, function: str) -> bool:
        return function != "kvm_tdp_mmu_get_walk"


def _walks(variant: type[ReferenceShadowWalks]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, shadow_walks=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "shadow-walk-through-huge",
        "A walk over shadow tables takes the page that a huge page maps for a table.",
        _MMU_C,
        r"if \(!is_shadow_present_pte\(spte\) \|\| is_last_spte\(spte, iterator->level\)\)",
        "if (!is_shadow_present_pte(spte))",
        _walks(_ThroughHugePages),
    ),
    defect(
        "shadow-walk-high-bits",
        "A walk over shadow tables takes the high bits of an entry for some of the next table's address.",
        _MMU_C,
        r"iterator->shadow_addr = spte & (?:SPTE|PT64)_BASE_ADDR_MASK;",
        "iterator->shadow_addr = spte & ~0xfffull;",
        _walks(_HighBits),
    ),
    defect(
        "shadow-walk-level-of-role",
        "A walk from a PAE entry is said to begin at the level of the role.",
        _MMU_C,
        r"\*root_level = iterator\.level;",
        "*root_level = vcpu->arch.mmu->root_role.level;",
        _walks(_LevelOfRole),
    ),
    defect(
        "mmio-found-unjudged-leaf",
        "The SPTE at which a fault with RSVD happened is not looked at for reserved bits.",
        _MMU_C,
        r"for \(level = root; level >= leaf; level--\)(\s+reserved \|=)",
        r"for (level = root; level > leaf; level--)\1",
        _walks(_LeafUnjudged),
    ),
    defect(
        "mmio-found-judges-mmio",
        "An SPTE of MMIO is taken for a broken one, since it has reserved bits.",
        _MMU_C,
        r"if \(!is_shadow_present_pte\(sptes\[leaf\]\)\)\s+leaf\+\+;",
        "",
        _walks(_MmioJudged),
    ),
    defect(
        "tdp-walk-keeps-nothing",
        "A walk of the TDP MMU does not hand out what it has read.",
        _TDP_MMU_C,
        r"leaf = iter\.level;\s+sptes\[leaf\] = iter\.old_spte;",
        "leaf = iter.level;",
        _walks(_KeepsNothing),
    ),
)
