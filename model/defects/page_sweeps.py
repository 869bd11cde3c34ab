"""Defects of taking all pages of the shadow MMU away."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.page_sweeps import ReferencePageSweeps
from mmuproof.smt.terms import FALSE, Bool

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _GoesOnInSweep(ReferencePageSweeps):
    def _begins_anew(self, _unstable: Bool) -> Bool:
        return FALSE


class _StopsAtInvalid(ReferencePageSweeps):
    def _goes_on_after_invalid(self, _invalid: Bool) -> Bool:
        return FALSE


class _SweptKept(ReferencePageSweeps):
    def _frees(self, _ends: Bool) -> Bool:
        return FALSE


class _TdpPagesStay(ReferencePageSweeps):
    def _has_tdp_zapped(self) -> bool:
        return False


class _RootsNotEmptied(ReferencePageSweeps):
    def _empties(self, _given_up: Bool) -> Bool:
        return FALSE


class _OnlyTheRest(ReferencePageSweeps):
    def _begins(self) -> Bool:
        return FALSE


class _OldestKept(ReferencePageSweeps):
    def _frees_oldest(self) -> Bool:
        return FALSE


def _sweeps(variant: type[ReferencePageSweeps]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, page_sweeps=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "sweep-goes-on",
        "A sweep goes on in a list of pages that is another than before.",
        _MMU_C,
        r"if \(__kvm_mmu_prepare_zap_page\(kvm, sp, &invalid_list, &ign\)\)\s+goto restart;",
        "__kvm_mmu_prepare_zap_page(kvm, sp, &invalid_list, &ign);",
        _sweeps(_GoesOnInSweep),
    ),
    defect(
        "sweep-stops-at-invalid",
        "A sweep through obsolete pages ends at one that was given up before.",
        _MMU_C,
        r"(if \(WARN_ON(?:_ONCE)?\(sp->role\.invalid\)\)\s+)continue;(\s+(?:/\*(?:[^*]|\*(?!/))*\*/\s+)?if \(batch)",
        r"\1break;\2",
        _sweeps(_StopsAtInvalid),
    ),
    defect(
        "sweep-kept",
        "Obsolete pages are given up, and not freed.",
        _MMU_C,
        r"kvm_mmu_commit_zap_page\(kvm, (?:&invalid_list|&kvm->arch\.zapped_obsolete_pages)\);"
        r"(\s+\}\s+(?:/\*(?:[^*]|\*(?!/))*\*/\s+)?static void (?:__)?kvm_mmu_zap_all_fast)",
        r"\1",
        _sweeps(_SweptKept),
    ),
    defect(
        "sweep-tdp-stays",
        "Where all pages of a VM go, those of the TDP MMU stay.",
        _MMU_C,
        r"if \((?:tdp_mmu_enabled|is_tdp_mmu_enabled\(kvm\))\)\s+kvm_tdp_mmu_zap_all\(kvm\);",
        "",
        _sweeps(_TdpPagesStay),
    ),
    defect(
        "sweep-only-the-rest",
        "When a slot goes, roots that were given up before are emptied, and none is given up.",
        _MMU_C,
        r"(write_lock\(&kvm->mmu_lock\);\s+)__kvm_mmu_zap_all_fast_front_half\(kvm\);(\s+write_unlock)",
        r"\1\2",
        _sweeps(_OnlyTheRest),
    ),
    defect(
        "sweep-roots-not-emptied",
        "Roots of the TDP MMU are given up, and what is below them stays.",
        _MMU_C,
        r"if \((?:tdp_mmu_enabled|is_tdp_mmu_enabled\(kvm\))\)\s+kvm_tdp_mmu_zap_invalidated_roots\([^;]*\);",
        "",
        _sweeps(_RootsNotEmptied),
    ),
    defect(
        "sweep-oldest-kept",
        "The oldest pages are given up, and neither flushed nor freed.",
        _MMU_C,
        r"kvm_mmu_commit_zap_page\(kvm, &invalid_list\);(\s+kvm->stat\.mmu_recycled)",
        r"\1",
        _sweeps(_OldestKept),
    ),
)
