"""Defects of the loops that map a page."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.map_rounds import MapRound, MapTail
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


class _DirectTail(ReferenceMapRounds):
    """What is done around the loop is wrong in one way, for faults without TDP MMU."""

    wrong = "begins_elsewhere"

    def tdp(self) -> MapRound:
        return ReferenceMapRounds(self.constants).tdp()

    def _tail(self) -> MapTail:
        return replace(super()._tail(), **{self.wrong: TRUE})


class _DirectAnswer(_DirectTail):
    wrong = "answers_otherwise"


class _DirectAhead(_DirectTail):
    wrong = "changed_after"


class _TdpTail(ReferenceMapRounds):
    """The same of faults with TDP MMU."""

    wrong = "another_page"

    def direct(self) -> MapRound:
        return ReferenceMapRounds(self.constants).direct()

    def _tail(self) -> MapTail:
        return replace(super()._tail(), **{self.wrong: TRUE})


class _TdpStrays(_TdpTail):
    wrong = "strays"


class _TdpUnnoted(_TdpTail):
    wrong = "refusal_unnoted"


class _TdpUnprepared(_TdpTail):
    wrong = "unprepared"


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
    defect(
        "direct-map-other-address",
        "Faults without TDP MMU map the page at the entry of the address beside the fault's.",
        _MMU_C,
        r"for_each_shadow_entry\(vcpu, fault->addr, it\)(?= \{(?:(?!\n\}\n)[\s\S])*?direct_pte_prefetch\()",
        "for_each_shadow_entry(vcpu, fault->addr ^ PAGE_SIZE, it)",
        _rounds(_DirectTail),
    ),
    defect(
        "direct-map-hides-protection",
        "Faults without TDP MMU that find their page write-protected count as repaired.",
        _MMU_C,
        r"(if \(ret == RET_PF_SPURIOUS\)\s+return ret;\s+)(?=direct_pte_prefetch\()",
        r"\1if (ret == RET_PF_EMULATE)\n\t\tret = RET_PF_FIXED;\n\t",
        _rounds(_DirectAnswer),
    ),
    defect(
        "direct-map-prefetches-elsewhere",
        "Faults without TDP MMU map the entries around another one ahead.",
        _MMU_C,
        r"direct_pte_prefetch\(vcpu, it\.sptep\);",
        "direct_pte_prefetch(vcpu, it.sptep + 8);",
        _rounds(_DirectAhead),
    ),
    defect(
        "tdp-map-next-frame",
        "The TDP MMU maps the host's frame behind the one that was found.",
        _TDP_MMU_C,
        r"(?=ret = tdp_mmu_map_handle_target_level\(vcpu, fault, &iter\);)",
        "fault->pfn++;\n\t",
        _rounds(_TdpTail),
    ),
    defect(
        "tdp-map-as-mmio",
        "The TDP MMU forgets the memory slot of a fault before it maps its page.",
        _TDP_MMU_C,
        r"(?=ret = tdp_mmu_map_handle_target_level\(vcpu, fault, &iter\);)",
        "fault->slot = NULL;\n\t",
        _rounds(_TdpStrays),
    ),
    defect(
        "tdp-map-refusal-unnoted",
        "The TDP MMU does not note of a table that it stands where a huge page was refused.",
        _TDP_MMU_C,
        r"sp->nx_huge_page_disallowed = fault->huge_page_disallowed;",
        "sp->nx_huge_page_disallowed = false;",
        _rounds(_TdpUnnoted),
    ),
    defect(
        "tdp-map-unprepared",
        "The TDP MMU links a page whose role and frame nobody has set.",
        _TDP_MMU_C,
        r"(sp = tdp_mmu_alloc_sp\(vcpu\);\s+)tdp_mmu_init_child_sp\(sp, &iter\);",
        r"\1",
        _rounds(_TdpUnprepared),
    ),
)
