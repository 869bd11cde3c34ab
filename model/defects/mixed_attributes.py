"""Defects of noting where attributes of memory are mixed."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.mixed_attributes import ReferenceMixedAttributes
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, ne, negate, ule, var

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _HeadBeyondSlot(ReferenceMixedAttributes):
    def _in_slot(self, head: BitVec, _size: BitVec) -> Bool:
        return ule(var("slot->base_gfn", 64), head)


class _MixedNotNoted(ReferenceMixedAttributes):
    def _notes_head(self) -> Bool:
        return FALSE


class _SkipsFirstPage(ReferenceMixedAttributes):
    def _first(self, first: BitVec, size: BitVec) -> BitVec:
        return first + size


class _PartsUnasked(ReferenceMixedAttributes):
    def _asks_parts(self) -> Bool:
        return FALSE


class _TailNotReadied(ReferenceMixedAttributes):
    def _readies_tail(self) -> Bool:
        return FALSE


class _SameKindUnmapped(ReferenceMixedAttributes):
    def _unmaps_shared(self, becomes_private: Bool) -> Bool:
        return negate(becomes_private)


class _AnyCountIsMixed(ReferenceMixedAttributes):
    def _has_note(self, held: BitVec) -> Bool:
        return ne(held, 0)


class _NoteIsCounted(ReferenceMixedAttributes):
    def _with_note(self, held: BitVec, flag: BitVec) -> BitVec:
        return held + 1


class _SmallPartsAsked(ReferenceMixedAttributes):
    def _goes_by_parts(self) -> Bool:
        return TRUE


def _attributes(variant: type[ReferenceMixedAttributes]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, mixed_attributes=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "attributes-head-beyond-slot",
        "Of the first page of a range it is not asked whether it ends beyond the slot.",
        _MMU_C,
        r"if \(gfn >= slot->base_gfn &&\s+gfn \+ nr_pages <= slot->base_gfn \+ slot->npages\)",
        "if (gfn >= slot->base_gfn)",
        _attributes(_HeadBeyondSlot),
    ),
    defect(
        "attributes-mixed-not-noted",
        "It is not noted of the first page of a range that its attributes are mixed now.",
        _MMU_C,
        r"(if \(hugepage_has_attrs\(kvm, slot, gfn, level, attrs\)\)\s+hugepage_clear_mixed\(slot, gfn, level\);)\s+"
        r"else\s+hugepage_set_mixed\(slot, gfn, level\);(\s+\}\s+gfn \+= nr_pages;)",
        r"\1\2",
        _attributes(_MixedNotNoted),
    ),
    defect(
        "attributes-slot-first-page",
        "Of a new slot the first page of a level is passed over.",
        _MMU_C,
        r"for \(gfn = start; gfn < end; gfn \+= nr_pages\) \{(\s+unsigned long attrs)",
        r"for (gfn = start + nr_pages; gfn < end; gfn += nr_pages) {\1",
        _attributes(_SkipsFirstPage),
    ),
    defect(
        "attributes-parts-unasked",
        "A page of 1 GByte counts as one of the attributes that the first frames of its parts have.",
        _MMU_C,
        r"if \(hugepage_test_mixed\(slot, gfn, level - 1\) \|\|\s+attrs",
        "if (attrs",
        _attributes(_PartsUnasked),
    ),
    defect(
        "attributes-small-parts-asked",
        "A page of 2 MBytes is compared part by part, as if small pages had notes of mixed attributes.",
        _MMU_C,
        r"if \(level == PG_LEVEL_2M\)(\s+return kvm_range_has_memory_attributes)",
        r"if (level != PG_LEVEL_2M)\1",
        _attributes(_SmallPartsAsked),
    ),
    defect(
        "attributes-tail-not-invalidated",
        "Faults in the last page that a range holds in part are not invalidated.",
        _MMU_C,
        r"if \(end == start\)\s+continue;",
        "continue;",
        _attributes(_TailNotReadied),
    ),
    defect(
        "attributes-same-kind-unmapped",
        "Of a range that becomes private what maps it as private memory is taken away.",
        _MMU_C,
        r"range->attr_filter = KVM_FILTER_SHARED;(\s+else\s+)range->attr_filter = KVM_FILTER_PRIVATE;",
        r"range->attr_filter = KVM_FILTER_PRIVATE;\1range->attr_filter = KVM_FILTER_SHARED;",
        _attributes(_SameKindUnmapped),
    ),
    defect(
        "attributes-any-count-mixed",
        "A page counts as mixed as soon as none may be huge there for another reason.",
        _MMU_C,
        r"return lpage_info_slot\(gfn, slot, level\)->disallow_lpage & KVM_LPAGE_MIXED_FLAG;",
        "return lpage_info_slot(gfn, slot, level)->disallow_lpage;",
        _attributes(_AnyCountIsMixed),
    ),
    defect(
        "attributes-note-counted",
        "That a page is mixed is counted among the other reasons, and never noted.",
        _MMU_C,
        r"disallow_lpage \|= KVM_LPAGE_MIXED_FLAG;",
        "disallow_lpage += 1;",
        _attributes(_NoteIsCounted),
    ),
)
