"""Defects of the loops over a range of frames."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.range_rounds import EntryRound
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.range_rounds import ReferenceRangeRounds
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bit, bv, eq, slt, ult, var

_TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"


class _SparesHugePages(ReferenceRangeRounds):
    def _is_leaf(self) -> Bool:
        return eq(var("iter.level after some rounds", 32), 1)


class _ForgetsEarlier(ReferenceRangeRounds):
    def _due_after(self, zapped: Bool) -> Bool:
        return zapped


class _LosesRaces(ReferenceRangeRounds):
    def _tries_again(self) -> Bool:
        return FALSE


class _ClearsTables(ReferenceRangeRounds):
    def _clears(self, _leaf: Bool) -> Bool:
        return TRUE


class _SparesLevel(ReferenceRangeRounds):
    def _is_zapped(self, zap_level: BitVec) -> Bool:
        return slt(var("iter.level after some rounds", 32), zap_level)


class _PassesBy(ReferenceRangeRounds):
    def _looks_again(self) -> Bool:
        return FALSE


class _BeforeSlot(ReferenceRangeRounds):
    def _inside(self, _first: BitVec, end: BitVec) -> Bool:
        return ult(var("iter.gfn after some rounds", 64), end)


class _LastFrameSpared(ReferenceRangeRounds):
    def _masked(self) -> int:
        return 63


class _ProtectionUnasked(ReferenceRangeRounds):
    def _protects(self, _wrprot: Bool, _protects: Bool) -> Bool:
        return bit(var("tdp_mmu_need_write_protect()", 1), 0)


class _StaysMmuWritable(ReferenceRangeRounds):
    def _unwritable(self, _mmu_writable: BitVec) -> BitVec:
        return bv(2, 64)


class _FrameUntold(ReferenceRangeRounds):
    def _is_told(self, entry: EntryRound, changed: Bool) -> Bool:
        return FALSE if entry.function == "write_protect_gfn" else changed


class _SplitsUnprepared(ReferenceRangeRounds):
    def _is_unprepared(self) -> Bool:
        return TRUE


def _rounds(variant: type[ReferenceRangeRounds]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, range_rounds=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "zap-spares-huge-pages",
        "The TDP MMU leaves huge pages mapped that are to be taken away.",
        _TDP_MMU_C,
        r"!is_last_spte\(iter\.old_spte, iter\.level\)\)(\s+continue;"
        r"\s+tdp_mmu_iter_set_spte\(kvm, &iter, SHADOW_NONPRESENT_VALUE\);\s+/\*\s+\* Zappings)",
        r"iter.level != PG_LEVEL_4K)\1",
        _rounds(_SparesHugePages),
    ),
    defect(
        "zap-forgets-earlier-flush",
        "The TDP MMU forgets a flush that is due when it comes to an entry that maps no page.",
        _TDP_MMU_C,
        r"(if \(!is_shadow_present_pte\(iter\.old_spte\) \|\|\s+!is_last_spte\(iter\.old_spte, iter\.level\)\))"
        r"(\s+continue;\s+tdp_mmu_iter_set_spte\(kvm, &iter, SHADOW_NONPRESENT_VALUE\);\s+)"
        r"(/\*\s+\* Zappings[^/]*\*/\s+)if \(!root->role\.invalid\)\s+flush = true;",
        r"flush = is_shadow_present_pte(iter.old_spte) && is_last_spte(iter.old_spte, iter.level) &&"
        r" !root->role.invalid;\n\1\2",
        _rounds(_ForgetsEarlier),
    ),
    defect(
        "wrprot-loses-races",
        "A range is not write-protected where another CPU changes an entry first.",
        _TDP_MMU_C,
        r"if \(tdp_mmu_set_spte_atomic\(kvm, &iter, new_spte\)\)\s+goto retry;(\s+spte_set = true;)",
        r"if (!tdp_mmu_set_spte_atomic(kvm, &iter, new_spte))\1\nif (0) goto retry;",
        _rounds(_LosesRaces),
    ),
    defect(
        "clear-dirty-tables",
        "Clearing dirty flags clears those of entries that lead to tables.",
        _TDP_MMU_C,
        r"(retry:\s+if \(!is_shadow_present_pte\(iter\.old_spte\)) \|\|"
        r"\s+!is_last_spte\(iter\.old_spte, iter\.level\)\)"
        r"(\s+continue;\s+if \(tdp_mmu_iter_cond_resched\(kvm, &iter, false, true\)\)\s+continue;)",
        r"\1)\2",
        _rounds(_ClearsTables),
    ),
    defect(
        "masked-spares-last",
        "Of 64 frames that a mask names the last one's dirty flag is not cleared.",
        _TDP_MMU_C,
        r"gfn \+ BITS_PER_LONG\) \{",
        "gfn + BITS_PER_LONG - 1) {",
        _rounds(_LastFrameSpared),
    ),
    defect(
        "masked-protects-unasked",
        "Frames that are to be write-protected have their dirty flags cleared instead.",
        _TDP_MMU_C,
        r"\(wrprot \|\| (tdp_mmu_need_write_protect\((?:kvm, )?root\))\)",
        r"\1",
        _rounds(_ProtectionUnasked),
    ),
    defect(
        "frame-stays-mmu-writable",
        "A page that holds a guest's table stays one that a fault makes writable without asking.",
        _TDP_MMU_C,
        r"~\(PT_WRITABLE_MASK \| shadow_mmu_writable_mask\)",
        "~PT_WRITABLE_MASK",
        _rounds(_StaysMmuWritable),
    ),
    defect(
        "frame-untold",
        "That a page has been write-protected is told to nobody, so nobody flushes.",
        _TDP_MMU_C,
        r"(tdp_mmu_iter_set_spte\(kvm, &iter, new_spte\);)\s+spte_set = true;",
        r"\1",
        _rounds(_FrameUntold),
    ),
    defect(
        "zap-root-spares-level",
        "Of a root that is taken away the entries of the highest level to be cleared stay.",
        _TDP_MMU_C,
        r"if \(iter\.level > zap_level\)",
        "if (iter.level >= zap_level)",
        _rounds(_SparesLevel),
    ),
    defect(
        "split-unprepared",
        "A huge page is split into a table whose page has the role and frame of none.",
        _TDP_MMU_C,
        r"tdp_mmu_init_child_sp\(sp, &iter\);(\s+if \(tdp_mmu_split_huge_page)",
        r"\1",
        _rounds(_SplitsUnprepared),
    ),
    defect(
        "split-passes-by",
        "A huge page for whose table a page has to be made first is passed by.",
        _TDP_MMU_C,
        r"iter\.yielded = true;(\s+continue;)",
        r"\1",
        _rounds(_PassesBy),
    ),
    defect(
        "recover-before-slot",
        "A huge page is made of small ones that begin before the memory slot.",
        _TDP_MMU_C,
        r"if \(iter\.gfn < start \|\| iter\.gfn >= end\)",
        "if (iter.gfn >= end)",
        _rounds(_BeforeSlot),
    ),
)
