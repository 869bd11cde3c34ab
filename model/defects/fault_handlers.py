"""Defects of how a fault goes from the host's frame to the mapping."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.fault_handlers import ReferenceFaultHandlers
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, TRUE, Bool, ne, var

_MMU_C, _PAGING_H = "arch/x86/kvm/mmu/mmu.c", "arch/x86/kvm/mmu/paging_tmpl.h"


class _MappedWritable(ReferenceFaultHandlers):
    def _writable(self, _found: Bool) -> Bool:
        return TRUE


class _Unfound(ReferenceFaultHandlers):
    def _said_to_go_on(self) -> Bool:
        return ne(var("kvm_mmu_faultin_pfn()", 32), 1)


class _Late(ReferenceFaultHandlers):
    def _heeds_staleness(self) -> bool:
        return False


class _MapsTracked(ReferenceFaultHandlers):
    def _heeds_tracking(self, _asks: Bool) -> Bool:
        return FALSE


class _HidesAnswer(ReferenceFaultHandlers):
    def _answers_otherwise(self, maps: Bool) -> Bool:
        return maps


class _Strays(ReferenceFaultHandlers):
    def _strays(self, maps: Bool) -> Bool:
        return maps


def _handlers(variant: type[ReferenceFaultHandlers]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, fault_handlers=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "fault-mapped-writable",
        "A fault is mapped as if the host let every page be written.",
        _MMU_C,
        r"\n\tr = kvm_tdp_mmu_map\(vcpu, fault\);",
        r"\n\tfault->map_writable = true;\g<0>",
        _handlers(_MappedWritable),
    ),
    defect(
        "fault-mapped-unfound",
        "A fault is mapped unless the search for its frame asks to try again.",
        _MMU_C,
        r"(if \(r )!= RET_PF_CONTINUE(\)\s+return r;\s+r = RET_PF_RETRY;)",
        r"\1== RET_PF_RETRY\2",
        _handlers(_Unfound),
    ),
    defect(
        "fault-mapped-late",
        "A shadowed fault is mapped although the host may have taken its frame away.",
        _PAGING_H,
        r"if \(is_page_fault_stale\(vcpu, fault\)\)",
        "if (false)",
        _handlers(_Late),
    ),
    defect(
        "direct-maps-tracked",
        "A fault of direct tables is mapped although writes to its frame are tracked.",
        _MMU_C,
        r"if \(page_fault_handle_page_track\(vcpu, fault\)\)(\s+return RET_PF_WRITE_PROTECTED;\s+r = fast_page_fault"
        r"\(vcpu, fault\);\s+if \(r != RET_PF_INVALID\)\s+return r;\s+r = mmu_topup_memory_caches\(vcpu, false\);"
        r"\s+if \(r\)\s+return r;\s+r = kvm_mmu_faultin_pfn\(vcpu, fault, ACC_ALL\);\s+if \(r != RET_PF_CONTINUE\)"
        r"\s+return r;\s+write_lock)",
        r"if (false)\1",
        _handlers(_MapsTracked),
    ),
    defect(
        "fault-answered-as-repaired",
        "A fault of the TDP MMU counts as repaired where its access has to be emulated.",
        _MMU_C,
        r"\n\tr = kvm_tdp_mmu_map\(vcpu, fault\);",
        r"\g<0>\n\tif (r == RET_PF_EMULATE)\n\t\tr = RET_PF_FIXED;",
        _handlers(_HidesAnswer),
    ),
    defect(
        "fault-slot-unlogged",
        "A fault of the TDP MMU makes its slot forget that writes to it are logged.",
        _MMU_C,
        r"\n\tr = kvm_tdp_mmu_map\(vcpu, fault\);",
        r"\n\tif (fault->slot)\n\t\tfault->slot->flags &= ~KVM_MEM_LOG_DIRTY_PAGES;\g<0>",
        _handlers(_Strays),
    ),
)
