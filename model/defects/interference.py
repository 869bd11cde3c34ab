"""Defects of changing SPTEs while others write them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.defects.stores import UnjudgedStores
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.interference import ReferenceInterference, SharedEntry
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.spte_changes import SpteAt
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool

_MMU_C = "arch/x86/kvm/mmu/mmu.c"
_SPTE_C = "arch/x86/kvm/mmu/spte.c"
_TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"


class _ExchangesAnything(ReferenceInterference):
    def _exchange(self, entry: SharedEntry, when: Bool, judged: BitVec, value: BitVec) -> tuple[BitVec, Bool]:
        return entry.compare(when, entry.read(when), value)


class _AgesAnything(ReferenceInterference):
    def _age(self, entry: SharedEntry, when: Bool, judged: BitVec, value: BitVec) -> None:
        entry.write(when, value)


class _GivesUp(ReferenceInterference):
    def _retries(self) -> Bool:
        return FALSE


class _RetriesStale(ReferenceInterference):
    def _judged_anew(self, at: SpteAt, found: BitVec) -> BitVec:
        return at.spte


class _FixedAnyway(ReferenceInterference):
    def _counts_as_fixed(self, same: Bool) -> Bool:
        return TRUE


class _TrackingForgotten(ReferenceInterference):
    def _changed_by_others(self, masks: ShadowMasks, spte: BitVec) -> Iterable[Bool]:
        by_fault, _, by_processor = super()._changed_by_others(masks, spte)
        return by_fault, by_processor


class _FastFaultsForgotten(ReferenceInterference):
    def _changed_by_others(self, masks: ShadowMasks, spte: BitVec) -> Iterable[Bool]:
        _, tracked, by_processor = super()._changed_by_others(masks, spte)
        return tracked, by_processor


class _DirtyForgotten(ReferenceInterference):
    def _changed_by_others(self, masks: ShadowMasks, spte: BitVec) -> Iterable[Bool]:
        by_fault, tracked, _ = super()._changed_by_others(masks, spte)
        return by_fault, tracked


class _ReplacedDropped(ReferenceInterference):
    def _replaced_by_tdp(self, atomic: Bool, found: BitVec, judged: BitVec) -> BitVec:
        return judged


def _interference(variant: type[ReferenceInterference]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, interference=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "tdp-exchange-rereads",
        "The TDP MMU exchanges an SPTE against what it has read anew, not against what it has judged.",
        _TDP_MMU_C,
        r"(if \(!try_cmpxchg64\(rcu_dereference\(iter->sptep\), &iter->old_spte, new_spte\)\))",
        r"iter->old_spte = kvm_tdp_mmu_read_spte(iter->sptep);\n\1",
        partial(ReferenceKvm, stores=UnjudgedStores, interference=_ExchangesAnything),
    ),
    defect(
        "rmap-age-unjudged",
        "Aging in the shadow MMU puts an SPTE away that another CPU has changed.",
        _MMU_C,
        r"cmpxchg64\(sptep, spte,\s+mark_spte_for_access_track\(spte\)\);",
        "*sptep = mark_spte_for_access_track(spte);",
        _interference(_AgesAnything),
    ),
    defect(
        "write-protect-gives-up",
        "Write-protecting in the TDP MMU leaves an SPTE writable that another CPU has changed meanwhile.",
        _TDP_MMU_C,
        r"goto retry;(\s+spte_set = true;)",
        r"continue;\1",
        _interference(_GivesUp),
    ),
    defect(
        "tdp-retry-stale",
        "The TDP MMU tries again with what the SPTE was before another CPU has changed it.",
        _TDP_MMU_C,
        r"if \(!try_cmpxchg64\(rcu_dereference\(iter->sptep\), &iter->old_spte, new_spte\)\)(\s+return -EBUSY;)",
        r"u64 judged = iter->old_spte;\nif (!try_cmpxchg64(rcu_dereference(iter->sptep), &judged, new_spte))\1",
        _interference(_RetriesStale),
    ),
    defect(
        "fast-fault-fixed-anyway",
        "fast_page_fault() says that a fault is fixed although another CPU has changed the SPTE before it could.",
        _MMU_C,
        r"if \((fast_pf_fix_direct_spte\(vcpu, fault, sptep, spte, new_spte\))\) \{",
        r"\1;\n{",
        _interference(_FixedAnyway),
    ),
    defect(
        "atomic-update-without-tracking",
        "SPTEs are overwritten unseen although access tracking may change them meanwhile.",
        _SPTE_C,
        r"if \(!spte_ad_enabled\(spte\)\)\s+return true;(\s+/\*\s+\* Dirty and Accessed bits)",
        r"\1",
        _interference(_TrackingForgotten),
    ),
    defect(
        "atomic-update-without-fast-faults",
        "SPTEs are overwritten unseen although a fast page fault may make them writable meanwhile.",
        _SPTE_C,
        r"if \(!is_writable_pte\(spte\) && is_mmu_writable_spte\(spte\)\)\s+return true;",
        "",
        _interference(_FastFaultsForgotten),
    ),
    defect(
        "atomic-update-without-dirty",
        "SPTEs are overwritten unseen although the processor may set their dirty flags meanwhile.",
        _SPTE_C,
        r"return is_writable_pte\(spte\) && !\(spte & shadow_dirty_mask\);",
        "return false;",
        _interference(_DirtyForgotten),
    ),
    defect(
        "tdp-replaced-as-judged",
        "The TDP MMU accounts for the SPTE that it has judged, not for the one that it has replaced.",
        _TDP_MMU_C,
        r"old_spte = (kvm_tdp_mmu_write_spte\(sptep, old_spte, new_spte, level\);)",
        r"\1",
        _interference(_ReplacedDropped),
    ),
)
