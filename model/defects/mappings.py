"""Defects of deciding what to map."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.mappings import ReferenceMappings
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, ne

_MMU_C = "arch/x86/kvm/mmu/mmu.c"
_SPTE_C = "arch/x86/kvm/mmu/spte.c"
_NESTED_VMX_C = "arch/x86/kvm/vmx/nested.c"
_PAGING = "arch/x86/kvm/mmu/paging_tmpl.h"


class _HugeWhenLogged(ReferenceMappings):
    def _logging_forbids(self, tracked: Bool) -> Bool:
        return FALSE


class _EmptyKept(ReferenceMappings):
    def _grants_nothing(self, masks: ShadowMasks, access: BitVec) -> Bool:
        return FALSE


class _AnyLevels(ReferenceMappings):
    def _levels_fit(self, eptp: BitVec, four: Bool, five: Bool) -> Bool:
        c = self.constants
        level = eptp & c.VMX_EPTP_PWL_MASK
        other = all_of(ne(level, c.VMX_EPTP_PWL_4), ne(level, c.VMX_EPTP_PWL_5))
        return any_of(other, super()._levels_fit(eptp, four, five))


DEFECTS: tuple[Defect, ...] = (
    defect(
        "hugepage-adjust-ignores-logging",
        "A huge page is mapped although the slot logs writes.",
        _MMU_C,
        r"(if \(is_error_noslot_pfn\(fault->pfn\)\)\s+return;\s+)if \(kvm_slot_dirty_track_enabled\(slot\)\)\s+return;",
        r"\1",
        partial(ReferenceKvm, mappings=_HugeWhenLogged),
    ),
    defect(
        "sync-spte-keeps-empty",
        "Synchronizing a page keeps SPTEs that grant nothing any more.",
        _PAGING,
        r"\(pte_access \| shadow_present_mask\) == SHADOW_NONPRESENT_VALUE \|\|",
        "",
        partial(ReferenceKvm, mappings=_EmptyKept),
    ),
    defect(
        "check-eptp-accepts-any-level",
        "L1 may use an EPTP that asks for a number of levels that there is not.",
        _NESTED_VMX_C,
        r"(VMX_EPT_PAGE_WALK_4_BIT\)\)\)\s+return false;\s+break;\s+default:\s+)return false;",
        r"\1break;",
        partial(ReferenceKvm, mappings=_AnyLevels),
    ),
)
