"""Defects of the loops over the roots of the TDP MMU."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.root_loops import ReferenceRootLoops, Root
from mmuproof.model.root_loops import RootLoop
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, negate

_TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"


class _UnmapsValidOnly(ReferenceRootLoops):
    def _kinds(self, loop: RootLoop, mirrors: Bool, shared: Bool, private: Bool) -> tuple[Bool, Bool, Bool]:
        invalid, direct, mirror = super()._kinds(loop, mirrors, shared, private)
        return FALSE if loop is RootLoop.UNMAP else invalid, direct, mirror


class _FirstSpaceOnly(ReferenceRootLoops):
    def _in_space(self, loop: RootLoop, root: Root) -> Bool:
        if loop is RootLoop.WRITE_PROTECT:
            return negate(root.smm)
        return super()._in_space(loop, root)


class _ForgetsFlush(ReferenceRootLoops):
    def _due_after(self, loop: RootLoop, due: Bool, answer: Bool) -> Bool:
        return answer if loop is RootLoop.WRITE_PROTECT else super()._due_after(loop, due, answer)


class _OneShort(ReferenceRootLoops):
    def _end(self, loop: RootLoop, first: BitVec, pages: BitVec) -> BitVec:
        return super()._end(loop, first, pages) - (1 if loop is RootLoop.CLEAR_DIRTY else 0)


class _NotScheduled(ReferenceRootLoops):
    def _schedules(self) -> Bool:
        return FALSE


class _HandsOutInvalid(ReferenceRootLoops):
    def _matches(self, root: Root, invalid: Bool, direct: Bool, mirror: Bool) -> Bool:
        return root.matches(TRUE, direct, mirror)


class _AgesTables(ReferenceRootLoops):
    def _is_leaf(self, _level: BitVec, _spte: BitVec) -> Bool:
        return TRUE


class _AgesWhenAsked(ReferenceRootLoops):
    def _ages(self, _tests: bool) -> bool:
        return True


class _AgesFromSecond(ReferenceRootLoops):
    def _from(self, start: BitVec) -> BitVec:
        return start + 1


class _YoungUntold(ReferenceRootLoops):
    def _is_young(self, before: Bool, _young: Bool) -> Bool:
        return before


def _loops(variant: type[ReferenceRootLoops]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, root_loops=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "roots-unmap-spares-invalid",
        "Frames that the host takes back stay mapped below roots that are no longer valid.",
        _TDP_MMU_C,
        r"(types = kvm_gfn_range_filter_to_root_types\(kvm, range->attr_filter\)) \| KVM_INVALID_ROOTS;",
        r"\1;",
        _loops(_UnmapsValidOnly),
    ),
    defect(
        "roots-space-mistaken",
        "A slot is write-protected in the first address space, whichever it is one of.",
        _TDP_MMU_C,
        r"slot->as_id\)(\s+spte_set \|= wrprot_gfn_range\()",
        r"0)\1",
        _loops(_FirstSpaceOnly),
    ),
    defect(
        "roots-forget-flush",
        "That a flush is due after write-protecting a slot is forgotten at the next root.",
        _TDP_MMU_C,
        r"spte_set \|= wrprot_gfn_range\(",
        "spte_set = wrprot_gfn_range(",
        _loops(_ForgetsFlush),
    ),
    defect(
        "roots-slot-one-short",
        "The dirty flag of a slot's last page is not cleared.",
        _TDP_MMU_C,
        r"(clear_dirty_gfn_range\(kvm, root, slot->base_gfn,\s+slot->base_gfn \+ slot->npages)\)",
        r"\1 - 1)",
        _loops(_OneShort),
    ),
    defect(
        "roots-not-scheduled",
        "It is not noted of a root that becomes invalid that it is to be zapped.",
        _TDP_MMU_C,
        r"root->tdp_mmu_scheduled_root_to_zap = true;",
        "",
        _loops(_NotScheduled),
    ),
    defect(
        "roots-hand-out-invalid",
        "Roots that are no longer valid are handed out to who asks for valid ones.",
        _TDP_MMU_C,
        r"if \(root->role\.invalid && !\(types & KVM_INVALID_ROOTS\)\)\s+return false;",
        "",
        _loops(_HandsOutInvalid),
    ),
    defect(
        "roots-age-tables",
        "What leads to a table is aged as if it mapped a page.",
        _TDP_MMU_C,
        r"tdp_root_for_each_leaf_pte(\(iter, kvm, root, range->start, range->end\) \{\s+if \()(!is_accessed)",
        r"tdp_root_for_each_pte\1!is_shadow_present_pte(iter.old_spte) || \2",
        _loops(_AgesTables),
    ),
    defect(
        "roots-age-when-asked",
        "Whoever asks whether a page was used gets it aged.",
        _TDP_MMU_C,
        r"if \(test_only\)\s+return true;",
        "",
        _loops(_AgesWhenAsked),
    ),
    defect(
        "roots-age-from-second",
        "The first page of a range is not aged.",
        _TDP_MMU_C,
        r"tdp_root_for_each_leaf_pte\(iter, kvm, root, range->start, range->end\)(\s+\{\s+if \(!is_accessed)",
        r"tdp_root_for_each_leaf_pte(iter, kvm, root, range->start + 1, range->end)\1",
        _loops(_AgesFromSecond),
    ),
    defect(
        "roots-age-untold",
        "It is not told that a page was used.",
        _TDP_MMU_C,
        r"ret = true;(\s+kvm_tdp_mmu_age_spte)",
        r"\1",
        _loops(_YoungUntold),
    ),
)
