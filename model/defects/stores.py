"""Defects of storing what others make."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.interference import ReferenceInterference, SharedEntry
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.stores import ReferenceStores
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bv, negate

_MMU_C = "arch/x86/kvm/mmu/mmu.c"
_TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"
_TDP_MAP = "tdp_mmu_map_handle_target_level"


class _MapsWritable(ReferenceStores):
    def _written(self, caller: str, made: BitVec) -> BitVec:
        return made | self.constants.PT_WRITABLE_MASK if caller == _TDP_MAP else made


class _ShadowMapsWritable(ReferenceStores):
    def _written(self, caller: str, made: BitVec) -> BitVec:
        return made | self.constants.PT_WRITABLE_MASK if caller == "mmu_set_spte" else made


class _StoresBeside(ReferenceStores):
    def _at_entry(self) -> Bool:
        return FALSE


class UnjudgedStores(ReferenceStores):
    """The TDP MMU stores whatever is there."""

    def _still(self, caller: str, judged: BitVec) -> Bool:
        return TRUE if caller.startswith("tdp_mmu_") else super()._still(caller, judged)


class _UnjudgedFix(ReferenceStores):
    def _still(self, caller: str, judged: BitVec) -> Bool:
        return TRUE if caller == "fast_pf_fix_direct_spte" else super()._still(caller, judged)


class _UnjudgedChanges(ReferenceInterference):
    def _exchange(self, entry: SharedEntry, when: Bool, judged: BitVec, value: BitVec) -> tuple[BitVec, Bool]:
        entry.write(when, value)
        return judged, TRUE


class _UnjudgedFixes(ReferenceInterference):
    def _fix(self, entry: SharedEntry, when: Bool, judged: BitVec, value: BitVec) -> Bool:
        entry.write(when, value)
        return TRUE


class _ParentsTable(ReferenceStores):
    def _childs_table(self) -> Bool:
        return FALSE


class _OtherAdType(ReferenceStores):
    def _told_ad_disabled(self, childs_ad_disabled: Bool) -> Bool:
        return negate(childs_ad_disabled)


class _SetAfterFailure(ReferenceStores):
    def _given_back(self, judged: BitVec, made: BitVec) -> BitVec:
        return made


class _OpenMeanwhile(ReferenceStores):
    def _while_changed(self, frozen: BitVec, made: BitVec) -> BitVec:
        return made


class _RepeatsFirst(ReferenceStores):
    def _index_told(self, index: int) -> BitVec:
        return bv(0, 32)


def _stores(variant: type[ReferenceStores]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, stores=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "tdp-map-stores-writable",
        "The TDP MMU maps a page with W added to the SPTE that was made.",
        _TDP_MMU_C,
        r"(else if \(tdp_mmu_set_spte_atomic\(vcpu->kvm, iter, new_spte)\)\)",
        r"\1 | PT_WRITABLE_MASK))",
        _stores(_MapsWritable),
    ),
    defect(
        "shadow-map-stores-writable",
        "The shadow MMU maps a page with W added to the SPTE that was made.",
        _MMU_C,
        r"(flush \|= mmu_spte_update\(sptep, spte)\);(\s+trace_kvm_mmu_set_spte)",
        r"\1 | PT_WRITABLE_MASK);\2",
        _stores(_ShadowMapsWritable),
    ),
    defect(
        "tdp-store-beside",
        "The TDP MMU stores to the entry after the one that the SPTE was made for.",
        _TDP_MMU_C,
        r"(try_cmpxchg64\(rcu_dereference\(iter->sptep\))(, &iter->old_spte)",
        r"\1 + 1\2",
        _stores(_StoresBeside),
    ),
    defect(
        "tdp-store-unjudged",
        "The TDP MMU overwrites an entry that another CPU has changed.",
        _TDP_MMU_C,
        r"if \(!try_cmpxchg64\(rcu_dereference\(iter->sptep\), &iter->old_spte, new_spte\)\)\s+return -EBUSY;",
        "*rcu_dereference(iter->sptep) = new_spte;",
        partial(ReferenceKvm, stores=UnjudgedStores, interference=_UnjudgedChanges),
    ),
    defect(
        "fast-fix-unjudged",
        "A fast page fault overwrites an SPTE that another CPU has changed.",
        _MMU_C,
        r"if \(!try_cmpxchg64\(sptep, &old_spte, new_spte\)\)\s+return false;",
        "*sptep = new_spte;",
        partial(ReferenceKvm, stores=_UnjudgedFix, interference=_UnjudgedFixes),
    ),
    defect(
        "tdp-links-parents-table",
        "The TDP MMU lets an entry lead to the table that it stands in.",
        _TDP_MMU_C,
        r"make_nonleaf_spte\(sp->spt, !kvm_ad_enabled\)",
        "make_nonleaf_spte(rcu_dereference(iter->sptep), !kvm_ad_enabled)",
        _stores(_ParentsTable),
    ),
    defect(
        "shadow-link-other-ad-type",
        "The shadow MMU links a page with the A/D type that the page has not.",
        _MMU_C,
        r"make_nonleaf_spte\(sp->spt, sp_ad_disabled\(sp\)\)",
        "make_nonleaf_spte(sp->spt, !sp_ad_disabled(sp))",
        _stores(_OtherAdType),
    ),
    defect(
        "mirror-set-after-failure",
        "A mirror gets the new value although TDX could not change its own entry.",
        _TDP_MMU_C,
        r"__kvm_tdp_mmu_write_spte\(iter->sptep, iter->old_spte\);",
        "__kvm_tdp_mmu_write_spte(iter->sptep, new_spte);",
        _stores(_SetAfterFailure),
    ),
    defect(
        "mirror-open-meanwhile",
        "A mirror has the new value before TDX has changed its own entry.",
        _TDP_MMU_C,
        r"__tdp_mmu_set_spte_atomic\(kvm, iter, FROZEN_SPTE\)",
        "__tdp_mmu_set_spte_atomic(kvm, iter, new_spte)",
        _stores(_OpenMeanwhile),
    ),
    defect(
        "tdp-split-repeats-first",
        "The TDP MMU fills a table with the first page of the huge page that it splits.",
        _TDP_MMU_C,
        r"(sp->spt\[i\] = make_small_spte\(kvm, huge_spte, sp->role), i\)",
        r"\1, 0)",
        _stores(_RepeatsFirst),
    ),
)
