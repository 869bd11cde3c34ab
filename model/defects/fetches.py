"""Defects of filling in SPTEs for a guest's page tables."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.edits import SourceEdit
from mmuproof.model.map_rounds import MapTail
from mmuproof.model.reference.fetches import ReferenceFetches
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bv, var

_PAGING_H = "arch/x86/kvm/mmu/paging_tmpl.h"
_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _ParentsAccess(ReferenceFetches):
    def _level_of_access(self, level: BitVec) -> BitVec:
        return level


class _NeverLooksAgain(ReferenceFetches):
    def _looks_again(self) -> Bool:
        return FALSE


class _OutOfStep(ReferenceFetches):
    def _synchronizes(self) -> Bool:
        return FALSE


class _StopsAbove(ReferenceFetches):
    def _last_level(self) -> BitVec:
        return var("gw->level", 32) + 1


class _LinksBelowZeros(ReferenceFetches):
    def _turns_back(self, _dummy: Bool) -> Bool:
        return FALSE


class _NextFrame(ReferenceFetches):
    def _tail(self) -> MapTail:
        return replace(super()._tail(), another_page=TRUE)


class _EarlySize(ReferenceFetches):
    def _adjusts(self) -> Bool:
        return FALSE


class _DirectGrantsAll(ReferenceFetches):
    def _access(self) -> BitVec:
        return bv(self.constants.ACC_ALL, 32)


class _RecoversEver(ReferenceFetches):
    def _was_wanted(self, _wanted: Bool) -> Bool:
        return TRUE


class _ReadAnyhow(ReferenceFetches):
    def _is_known(self, _failed: Bool) -> Bool:
        return FALSE


class _FirstOfGroup(ReferenceFetches):
    def _index(self, distance: BitVec, _size: int) -> BitVec:
        return distance & 0


class _OtherFrame(ReferenceFetches):
    def _is_for(self, _childs_gfn: BitVec, _gfn: BitVec) -> Bool:
        return TRUE


class _OtherRole(ReferenceFetches):
    def _is_of(self, _role: BitVec, _wanted: BitVec) -> Bool:
        return TRUE


class _PdpteInMemory(ReferenceFetches):
    def _top_level(self, levels: BitVec) -> BitVec:
        return levels


def _fetches(variant: type[ReferenceFetches]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, fetches=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "fetch-parents-access",
        "A page that shadows a guest table grants what the entries above its parent grant.",
        _PAGING_H,
        r"access = gw->pt_access\[it\.level - 2\];",
        "access = gw->pt_access[min(it.level, PT_MAX_FULL_LEVELS) - 1];",
        _fetches(_ParentsAccess),
    ),
    defect(
        "fetch-never-looks-again",
        "A page is linked without looking whether the guest's entry has changed since it was walked.",
        _PAGING_H,
        r"if \(FNAME\(gpte_changed\)\(vcpu, gw, it\.level - 1\)\)\s+(return RET_PF_RETRY|goto out_gpte_changed);",
        "",
        _fetches(_NeverLooksAgain),
    ),
    defect(
        "fetch-out-of-step",
        "A page is linked although pages below it are out of step with the guest's tables.",
        _PAGING_H,
        r"if \(sp != ERR_PTR\(-EEXIST\) && sp->unsync_children &&\s+mmu_sync_children\(vcpu, sp, false\)\)"
        r"\s+return RET_PF_RETRY;",
        "",
        _fetches(_OutOfStep),
    ),
    defect(
        "fetch-stops-above",
        "Pages are direct from one level above the guest's last entry on.",
        _PAGING_H,
        r"if \(it\.level == gw->level\)(\s+break;)",
        r"if (it.level <= gw->level + 1)\1",
        _fetches(_StopsAbove),
    ),
    Defect(
        "fetch-early-size",
        "It is decided how large a page may be before the guest's tables are shadowed.",
        (
            SourceEdit(
                _PAGING_H,
                r"(affect the allowed hugepage size\.\s+\*/\s+)kvm_mmu_hugepage_adjust\(vcpu, fault\);",
                r"\1",
            ),
            SourceEdit(
                _PAGING_H,
                r"(\n\tfor_each_shadow_entry\(vcpu, fault->addr, it\) \{\n\t\tgfn_t table_gfn;)",
                r"\n\tkvm_mmu_hugepage_adjust(vcpu, fault);\n\1",
            ),
        ),
        _fetches(_EarlySize),
    ),
    defect(
        "fetch-direct-grants-all",
        "Pages below the guest's last entry grant everything.",
        _PAGING_H,
        r"(sp = kvm_mmu_get_child_sp\(vcpu, it\.sptep, base_gfn,\s+true, )direct_access\);",
        r"\1ACC_ALL);",
        _fetches(_DirectGrantsAll),
    ),
    defect(
        "fetch-next-frame",
        "A shadowed page is mapped from the host's frame behind the one that was found.",
        _PAGING_H,
        r"(?=ret = mmu_set_spte\(vcpu, fault->slot, it\.sptep)",
        "fault->pfn++;\n\t",
        _fetches(_NextFrame),
    ),
    defect(
        "fetch-recovers-ever",
        "Small pages that no huge page was wanted for give way to one later.",
        _PAGING_H,
        r"account_nx_huge_page\(vcpu->kvm, sp,\s+fault->req_level >= it\.level\);",
        "account_nx_huge_page(vcpu->kvm, sp, true);",
        _fetches(_RecoversEver),
    ),
    defect(
        "fetch-pdpte-in-memory",
        "With PAE paging it is looked in memory whether the guest's PDPTE has changed, which is in a register.",
        _PAGING_H,
        r"if \(top_level == PT32E_ROOT_LEVEL\)\s+top_level = PT32_ROOT_LEVEL;",
        "",
        _fetches(_PdpteInMemory),
    ),
    defect(
        "child-kept-for-other-frame",
        "A page is kept below an entry for whatever frame it is.",
        _MMU_C,
        r"spte_to_child_sp\(\*sptep\)->gfn == gfn &&\s+",
        "",
        _fetches(_OtherFrame),
    ),
    defect(
        "fetch-below-page-of-zeros",
        "Pages are linked in the kernel's page of zeros, which stands for tables that the guest cannot have.",
        _PAGING_H,
        r"if \(unlikely\(kvm_mmu_is_dummy_root\(vcpu->arch\.mmu->root\.hpa\)\)\)",
        "if (0)",
        _fetches(_LinksBelowZeros),
    ),
    defect(
        "child-kept-of-other-role",
        "A page is kept below an entry of whatever role it is.",
        _MMU_C,
        r"( &&\s+spte_to_child_sp\(\*sptep\)->gfn == gfn) &&\s+spte_to_child_sp\(\*sptep\)->role\.word == role\.word\)",
        r"\1)",
        _fetches(_OtherRole),
    ),
    defect(
        "changed-ignores-failure",
        "A guest entry that cannot be read any more counts as what the walk has read.",
        _PAGING_H,
        r"return r \|\| curr_pte != gw->ptes\[level - 1\];",
        "return curr_pte != gw->ptes[level - 1];",
        _fetches(_ReadAnyhow),
    ),
    defect(
        "changed-looks-at-first",
        "Whether a guest entry of level 1 has changed is asked of the first entry around it.",
        _PAGING_H,
        r"curr_pte = gw->prefetch_ptes\[index\];",
        "curr_pte = gw->prefetch_ptes[0];",
        _fetches(_FirstOfGroup),
    ),
)
