"""What Linux 7.2.13 does to many SPTEs in both MMUs."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.lift.machine.findings import numbered
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.slot_sweeps import HUGEST, Aging, MaskRound, MaskSweep, RangeAged, SlotSweep, SlotSweeps, SlotSwept
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bit, bv, ite, ne, negate, var

_TDP_MMU, _HAS_RMAPS = ne(var("tdp_mmu_enabled", 1), 0), ne(var("kvm_memslots_have_rmaps()", 1), 0)
_SPLITS = (SlotSweep.SPLIT, SlotSweep.SPLIT_RANGE)
_TABLES = any_of(ne(var("kvm->arch.indirect_shadow_pages", 32), 0), negate(_TDP_MMU))


def _lowest(word: BitVec) -> BitVec:
    """The number of the lowest bit that is set."""
    found = bv(0, 64)
    for number in reversed(range(word.width)):
        found = ite(bit(word, number), bv(number, 64), found)
    return found


class ReferenceSlotSweeps(ReferenceArea, SlotSweeps):
    """``kvm_mmu_slot_remove_write_access()`` and the like."""

    def swept(self, sweep: SlotSweep, level: int) -> SlotSwept:
        """See `SlotSweeps.swept`."""
        walks = all_of(_HAS_RMAPS, _TDP_MMU) if sweep in _SPLITS else _HAS_RMAPS
        levels = self._levels(sweep, level)
        calls = len(levels) if sweep in _SPLITS else 1
        answers = (var(numbered("__walk_slot_rmaps()", number), 1) for number in range(1, calls + 1))
        stale = any_of(*(all_of(walks, ne(answer, 0)) for answer in answers))
        return SlotSwept(
            sweep=sweep,
            level=level,
            tdp_mmu=_TDP_MMU,
            shadowed=_HAS_RMAPS,
            walked=tuple(walks if each in levels else FALSE for each in range(1, HUGEST + 1)),
            tdp_done=self._by_tdp(sweep, _TDP_MMU),
            stale=stale,
            flushed=self._flushes(stale) if sweep is SlotSweep.RECOVER else FALSE,
            evidence=Evidence(),
        )

    def _levels(self, sweep: SlotSweep, level: int) -> Sequence[int]:
        """The levels that are gone through."""
        if sweep is SlotSweep.CLEAR_DIRTY:
            return (1,)
        if sweep is SlotSweep.RECOVER:
            return range(1, HUGEST)
        return range(level + (sweep in _SPLITS), HUGEST + 1)

    def _by_tdp(self, _sweep: SlotSweep, tdp_mmu: Bool) -> Bool:
        """Whether it is done in the TDP MMU too."""
        return tdp_mmu

    def _flushes(self, stale: Bool) -> Bool:
        """Whether a slot is flushed whose SPTEs have gone."""
        return stale

    def masked(self, sweep: MaskSweep) -> MaskRound:
        """See `SlotSweeps.masked`."""
        mask, asked = var("mask after some rounds", 64), var("mask", 64)
        here = all_of(_HAS_RMAPS, ne(mask, 0))
        return MaskRound(
            sweep=sweep,
            asked=asked,
            tdp_mmu=_TDP_MMU,
            shadowed=_HAS_RMAPS,
            tdp_done=self._tells_tdp(_TDP_MMU, sweep),
            mask_at_first=asked,
            mask=mask,
            goes_on=here,
            mask_after=self._left(mask),
            handles=here,
            number=_lowest(mask),
            evidence=Evidence(),
        )

    def _tells_tdp(self, tdp_mmu: Bool, _sweep: MaskSweep) -> Bool:
        """Whether the TDP MMU is told rightly."""
        return tdp_mmu

    def _left(self, mask: BitVec) -> BitVec:
        """What is left of a mask after a round."""
        return mask & mask - 1

    def aged(self, aging: Aging) -> RangeAged:
        """See `SlotSweeps.aged`."""
        tests = aging is Aging.TEST
        name = "test_age_gfn" if tests else "age_gfn_range"
        by_tdp = all_of(_TDP_MMU, ne(var(f"kvm_tdp_mmu_{name}()", 1), 0))
        shadow = all_of(self._looks_at_shadow(_TABLES), negate(by_tdp) if tests else TRUE)
        by_shadow = all_of(shadow, ne(var("kvm_rmap_age_gfn_range()", 1), 0))
        return RangeAged(
            aging=aging,
            tdp_mmu=_TDP_MMU,
            shadowed=_TABLES,
            tdp_done=_TDP_MMU,
            tdp_young=by_tdp,
            shadow_done=shadow,
            shadow_young=by_shadow,
            answer=self._told(by_tdp, by_shadow, shadow),
            evidence=Evidence(),
        )

    def _looks_at_shadow(self, tables: Bool) -> Bool:
        """Whether SPTEs of the shadow MMU are looked at."""
        return tables

    def _told(self, tdp: Bool, shadow: Bool, _looked: Bool) -> Bool:
        """What is told, by what both MMUs say."""
        return any_of(tdp, shadow)
