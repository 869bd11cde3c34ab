"""Defects of the loops that map a page."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.map_rounds import MapRound
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.map_rounds import ReferenceMapRounds
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, ule, var

_MMU_C = "arch/x86/kvm/mmu/mmu.c"
_TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"


class _WhereWalkStops(ReferenceMapRounds):
    def _maps(self, _at_goal: Bool) -> Bool:
        return TRUE


class _Frozen(ReferenceMapRounds):
    def _gives_up(self) -> Bool:
        return FALSE


class _GoesOn(ReferenceMapRounds):
    def _went_on(self, _done: Bool, tried: Bool) -> Bool:
        return tried


class _Unasked(ReferenceMapRounds):
    def tdp(self) -> MapRound:
        return ReferenceMapRounds(self.constants).tdp()

    def _asks(self) -> Bool:
        return FALSE


class _LastFrame(ReferenceMapRounds):
    def _first(self, _level: BitVec) -> BitVec:
        return var("fault->gfn after some rounds", 64)


class _StopsEarly(ReferenceMapRounds):
    def _stops(self, level: BitVec, goal: BitVec) -> Bool:
        return ule(level, goal + 1)


class _OtherFault(ReferenceMapRounds):
    def tdp(self) -> MapRound:
        return ReferenceMapRounds(self.constants).tdp()

    def _strays(self) -> Bool:
        return TRUE


def _rounds(variant: type[ReferenceMapRounds]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, map_rounds=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "map-where-walk-stops",
        "Page faults without a guest's tables map the page at the level where the walk has stopped.",
        _MMU_C,
        r"if \(WARN_ON_ONCE\(it\.level != fault->goal_level\)\)\s+return -EFAULT;"
        r"(\s+ret = mmu_set_spte\(vcpu, fault->slot)",
        r"\1",
        _rounds(_WhereWalkStops),
    ),
    defect(
        "map-stops-early",
        "Page faults without a guest's tables leave their walk one level above that at which the page is for.",
        _MMU_C,
        r"if \(it\.level == fault->goal_level\)(\s+break;\s+sp = kvm_mmu_get_child_sp\()",
        r"if (it.level <= fault->goal_level + 1)\1",
        _rounds(_StopsEarly),
    ),
    defect(
        "tdp-map-frozen",
        "The TDP MMU maps a page at an entry that another CPU has frozen.",
        _TDP_MMU_C,
        r"if \(is_frozen_spte\(iter\.old_spte\)\)\s+goto retry;(\s+if \(iter\.level == fault->goal_level\))",
        r"\1",
        _rounds(_Frozen),
    ),
    defect(
        "tdp-map-goes-on-unlinked",
        "The TDP MMU goes on below an entry where it could not link a table.",
        _TDP_MMU_C,
        r"(tdp_mmu_free_unused_sp\(sp\);)\s+goto retry;",
        r"\1",
        _rounds(_GoesOn),
    ),
    defect(
        "direct-map-unasked",
        "Faults without TDP MMU map a huge page over small ones that are executed.",
        _MMU_C,
        r"if \(fault->nx_huge_page_workaround_enabled\)\s+disallowed_hugepage_adjust\(fault, \*it\.sptep, it\.level\);"
        r"(\s+base_gfn = gfn_round)",
        r"\1",
        _rounds(_Unasked),
    ),
    defect(
        "direct-map-last-frame",
        "Faults without TDP MMU map a huge page for the frame of the fault instead of its first.",
        _MMU_C,
        r"base_gfn = gfn_round_for_level\(fault->gfn, it\.level\);(\s+if \(it\.level == fault->goal_level\)\s+break;"
        r"\s+sp = kvm_mmu_get_child_sp\(vcpu, it\.sptep, base_gfn, true)",
        r"base_gfn = fault->gfn;\1",
        _rounds(_LastFrame),
    ),
    defect(
        "direct-map-first-of-slot",
        "Faults without TDP MMU map the first frame of the slot instead of the fault's.",
        _MMU_C,
        r"(\n\tkvm_mmu_hugepage_adjust\(vcpu, fault\);\n)(?=(?:\s+access = [^;]*;)?\s+trace_kvm_mmu_spte_requested)",
        r"\1\tfault->gfn = fault->slot->base_gfn;\n",
        _rounds(_OtherFault),
    ),
)
