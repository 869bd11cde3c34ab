"""Defects of taking a range of frames away."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.range_zaps import ReferenceRangeZaps
from mmuproof.smt.terms import FALSE, BitVec, Bool, bv, ite

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _TdpAnswerOnly(ReferenceRangeZaps):
    def _stale(self, shadow: Bool, tdp_mmu: Bool, tdp: Bool) -> Bool:
        return ite(tdp_mmu, tdp, shadow)


class _OneFrame(ReferenceRangeZaps):
    def _pages(self, _pages: BitVec) -> BitVec:
        return bv(1, 64)


class _FaultsGoOn(ReferenceRangeZaps):
    def _announced(self) -> Bool:
        return FALSE


def _with(variant: type[ReferenceRangeZaps]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, range_zaps=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "range-zap-forgets-shadow-mmu",
        "What the shadow MMU has zapped of a range is not flushed where there is the TDP MMU as well.",
        _MMU_C,
        r"kvm_tdp_mmu_zap_leafs\(kvm, gfn_start, gfn_end, flush\)",
        "kvm_tdp_mmu_zap_leafs(kvm, gfn_start, gfn_end, false)",
        _with(_TdpAnswerOnly),
    ),
    defect(
        "range-zap-flushes-one-page",
        "Of a range that KVM zaps the first frame is flushed.",
        _MMU_C,
        r"(kvm_flush_remote_tlbs_range\(kvm, gfn_start, )gfn_end - gfn_start\)",
        r"\g<1>1)",
        _with(_OneFrame),
    ),
    defect(
        "range-zap-lets-faults-go-on",
        "A fault that is handled while KVM zaps a range may map what it has found before.",
        _MMU_C,
        r"kvm_mmu_invalidate_range_add\(kvm, gfn_start, gfn_end\);",
        "",
        _with(_FaultsGoOn),
    ),
)
