"""Defects of splitting huge pages of the shadow MMU."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.shadow_splits import ReferenceShadowSplits
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, any_of, bv, eq

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _SplitOfFirst(ReferenceShadowSplits):
    def _is_of_entry(self, index: BitVec) -> Bool:
        return eq(index, 0)


class _Unlisted(ReferenceShadowSplits):
    def _lists(self) -> Bool:
        return FALSE


class _SplitUnflushed(ReferenceShadowSplits):
    def _loses_table(self, _table: Bool) -> Bool:
        return FALSE


class _GrantsAll(ReferenceShadowSplits):
    def _access(self, _noted: BitVec) -> BitVec:
        return bv(0xF, 32)


class _SplitUnprepared(ReferenceShadowSplits):
    def _is_ready(self, _ready: Bool) -> Bool:
        return TRUE


class _UnlockedUntold(ReferenceShadowSplits):
    def _said_unlocked(self) -> BitVec:
        return bv(0, 32)


class _SplitsTables(ReferenceShadowSplits):
    def _is_huge(self, _huge: Bool) -> Bool:
        return TRUE


class _GoesOnFromSplit(ReferenceShadowSplits):
    def _begins_anew(self, _said: BitVec) -> Bool:
        return FALSE

    def _goes_on(self, passed: Bool, tried: Bool) -> Bool:
        return any_of(passed, tried)


def _splits(variant: type[ReferenceShadowSplits]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, shadow_splits=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "shadow-split-first-entry",
        "All small pages of a huge one get the first one's SPTE.",
        _MMU_C,
        r"(spte = make_small_spte\(kvm, huge_spte, sp->role, )index\);(\s+mmu_spte_set)",
        r"\g<1>0);\2",
        _splits(_SplitOfFirst),
    ),
    defect(
        "shadow-split-unlisted",
        "The small pages of a huge one are on no list.",
        _MMU_C,
        r"__rmap_add\(kvm, cache, slot, sptep, gfn, sp->role\.access\);",
        "",
        _splits(_Unlisted),
    ),
    defect(
        "shadow-split-unflushed",
        "Part of a huge page is unmapped by its split, and TLBs keep it.",
        _MMU_C,
        r"flush \|= !is_last_spte\(\*sptep, sp->role\.level\);",
        "",
        _splits(_SplitUnflushed),
    ),
    defect(
        "shadow-split-grants-all",
        "The small pages of a huge one grant more than the guest does.",
        _MMU_C,
        r"role = kvm_mmu_child_role\(huge_sptep, /\*direct=\*/true, access\);",
        "role = kvm_mmu_child_role(huge_sptep, /*direct=*/true, ACC_ALL);",
        _splits(_GrantsAll),
    ),
    defect(
        "shadow-split-unprepared",
        "A huge page is split after the lock was given up, although others may have taken its SPTE away.",
        _MMU_C,
        r"(r = topup_split_caches\(kvm\) \?: -EAGAIN;\s+write_lock\(&kvm->mmu_lock\);)\s+goto out;",
        r"\1",
        _splits(_SplitUnprepared),
    ),
    defect(
        "shadow-split-unlocked-untold",
        "It is told that a huge page was split where the lock was given up instead.",
        _MMU_C,
        r"r = topup_split_caches\(kvm\) \?: -EAGAIN;",
        "r = topup_split_caches(kvm);",
        _splits(_UnlockedUntold),
    ),
    defect(
        "shadow-split-tables",
        "What leads to a table is split as if it mapped a huge page.",
        _MMU_C,
        r"if \(WARN_ON_ONCE\(!is_large_pte\(\*huge_sptep\)\)\)\s+continue;",
        "",
        _splits(_SplitsTables),
    ),
    defect(
        "shadow-split-goes-on",
        "It is gone on from an SPTE that is split, and no longer on the list.",
        _MMU_C,
        r"if \(!r \|\| r == -EAGAIN\)\s+goto restart;(\s+/\*[^*]*\*/)?\s+break;",
        "",
        _splits(_GoesOnFromSplit),
    ),
)
