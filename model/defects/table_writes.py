"""Defects of following a guest's writes to its tables."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.listed_pages import ListedPage
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.table_writes import ReferenceTableWrites
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _HalfAnEntry(ReferenceTableWrites):
    def _entry_of(self, gpa: BitVec) -> BitVec:
        return gpa


class _KeepsUnfit(ReferenceTableWrites):
    def _gives_up(self, _unfit: Bool) -> Bool:
        return FALSE


class _EntryKept(ReferenceTableWrites):
    def _drops(self, _drops: Bool, _left: BitVec) -> Bool:
        return FALSE


class _NoFlush(ReferenceTableWrites):
    def _is_due(self, _present: Bool) -> Bool:
        return FALSE


class _LowestKept(ReferenceTableWrites):
    def _unprotects(self, _page: ListedPage) -> Bool:
        return FALSE


class _RetriesForEver(ReferenceTableWrites):
    def _not_again(self, _other: Bool) -> Bool:
        return TRUE


class _RetriesForL2(ReferenceTableWrites):
    def _may_retry(self, _in_l1: Bool) -> Bool:
        return TRUE


def _with(variant: type[ReferenceTableWrites]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, table_writes=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "written-half-an-entry",
        "Half an entry of eight bytes that is written is taken for one of four.",
        _MMU_C,
        r"\*gpa &= ~\(gpa_t\)7;",
        "",
        _with(_HalfAnEntry),
    ),
    defect(
        "written-keeps-unfit",
        "A page stays whose table is written to otherwise than by whole entries.",
        _MMU_C,
        r"(detect_write_flooding\(sp\)\) \{\s+)kvm_mmu_prepare_zap_page\(vcpu->kvm, sp,\s*&invalid_list\);",
        r"\1",
        _with(_KeepsUnfit),
    ),
    defect(
        "written-entry-kept",
        "The SPTEs stay that shadow an entry which is written.",
        _MMU_C,
        r"(entry = \*spte;\s+)(mmu_page_zap_pte\(vcpu->kvm, sp, spte,)",
        r"\1if (false) \2",
        _with(_EntryKept),
    ),
    defect(
        "written-unflushed",
        "SPTEs that go because their entries are written stay in TLBs.",
        _MMU_C,
        r"(\+\+vcpu->kvm->stat\.mmu_pde_zapped;\s+if \(is_shadow_present_pte\(entry\))\)",
        r"\1 && false)",
        _with(_NoFlush),
    ),
    defect(
        "unprotected-page-kept",
        "A frame counts as writable again although its pages stay.",
        _MMU_C,
        r"(sp, gpa_to_gfn\(gpa\)\)\s+)kvm_mmu_prepare_zap_page\(kvm, sp, &invalid_list\);",
        r"\1;",
        _with(_LowestKept),
    ),
    defect(
        "protected-retries-for-ever",
        "The same write is tried again and again.",
        _MMU_C,
        r"if \(vcpu->arch\.last_retry_eip == kvm_rip_read\(vcpu\) &&",
        "if (false && vcpu->arch.last_retry_eip == kvm_rip_read(vcpu) &&",
        _with(_RetriesForEver),
    ),
    defect(
        "protected-retries-for-l2",
        "A write of an L2 that cannot be emulated is tried again.",
        _MMU_C,
        r"if \(!is_guest_mode\(vcpu\)\)(\s+\*emulation_type \|= EMULTYPE_ALLOW_RETRY_PF;)",
        r"if (true)\1",
        _with(_RetriesForL2),
    ),
)
