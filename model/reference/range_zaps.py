"""What Linux 7.2.13 does to take a range of frames away."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.range_zaps import ANSWERS, RangeZap, RangeZapped, RangeZaps
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bool_var, ite, ne, ult, var


class ReferenceRangeZaps(ReferenceArea, RangeZaps):
    """``kvm_zap_gfn_range()`` and ``kvm_unmap_gfn_range()``."""

    def zapped(self, who: RangeZap) -> RangeZapped:
        """See `RangeZaps.zapped`."""
        has_rmaps, shadow_stale, tdp_stale = (bool_var(name) for name in ANSWERS)
        tdp_mmu = ne(var("tdp_mmu_enabled", 1), 0)
        by_kvm = who is RangeZap.BY_KVM
        names = ("gfn_start", "gfn_end") if by_kvm else ("range->start", "range->end")
        start, end = (var(name, 64) for name in names)
        shadowed = TRUE if by_kvm else has_rmaps
        done = ult(start, end) if by_kvm else TRUE
        stale = self._stale(all_of(shadowed, shadow_stale), tdp_mmu, tdp_stale)
        flushed = all_of(done, stale)
        pages = end - start
        return RangeZapped(
            function=who.value,
            start=start,
            end=end,
            shadowed=shadowed,
            tdp_mmu=tdp_mmu,
            shadow_zapped=all_of(done, shadowed),
            tdp_zapped=all_of(done, tdp_mmu),
            shadow_stale=shadow_stale,
            tdp_stale=tdp_stale,
            flushed=flushed,
            first=start,
            pages=ite(flushed, self._pages(pages), pages) if by_kvm else pages,
            faults_wait=all_of(done, self._announced()) if by_kvm else TRUE,
            evidence=Evidence(),
        )

    def _stale(self, shadow: Bool, tdp_mmu: Bool, tdp: Bool) -> Bool:
        """Whether something is to be flushed, by what both MMUs say."""
        return any_of(shadow, all_of(tdp_mmu, tdp))

    def _pages(self, pages: BitVec) -> BitVec:
        """How many frames are flushed, of a range of so many."""
        return pages

    def _announced(self) -> Bool:
        """Whether faults begin anew that are handled meanwhile."""
        return TRUE
