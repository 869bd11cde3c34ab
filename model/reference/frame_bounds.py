"""Up to which frame the walks of Linux 7.2.13's TDP MMU go."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.frame_bounds import FrameBounds, WalkBound
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import BitVec, bv, ite, ne, sext, var, zext

_WIDEST, _PAGE_SHIFT = 52, 12


class ReferenceFrameBounds(ReferenceArea, FrameBounds):
    """``tdp_mmu_max_gfn_exclusive()``."""

    def of_walks(self) -> WalkBound:
        """See `FrameBounds.of_walks`."""
        with_tdp, width = ne(var("tdp_enabled", 1), 0), var("kvm_host.maxphyaddr", 8)
        bits = ite(with_tdp, zext(width, 32), bv(_WIDEST, 32)) - _PAGE_SHIFT
        return WalkBound(
            with_tdp=with_tdp, width=width, end=self._end(bv(1, 64) << sext(bits, 64)), evidence=Evidence()
        )

    def _end(self, end: BitVec) -> BitVec:
        """Where walks end, by the first frame that no address has."""
        return end
