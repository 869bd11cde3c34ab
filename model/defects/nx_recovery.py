"""Defects of making tables huge pages again."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.nx_recovery import ReferenceNxRecovery
from mmuproof.smt.terms import FALSE, TRUE, Bool, all_of, any_of, boolean, negate

_MMU_C, _TDP_MMU_C = "arch/x86/kvm/mmu/mmu.c", "arch/x86/kvm/mmu/tdp_mmu.c"


class _LoggedToo(ReferenceNxRecovery):
    def _is_zapped(self, _logged: Bool) -> Bool:
        return TRUE


class _RecoversListHead(ReferenceNxRecovery):
    def _goes_on(self) -> Bool:
        return TRUE


class _LastFlushOnly(ReferenceNxRecovery):
    def _unflushed(self, of_tdp: bool, zapped: list[Bool]) -> Bool:
        return all_of(boolean(of_tdp), any_of(*zapped))


class _WhateverItLeadsTo(ReferenceNxRecovery):
    def _looks(self, _leads: Bool) -> Bool:
        return TRUE


class _ZapUntold(ReferenceNxRecovery):
    def _told(self, _sets: Bool, _lost: Bool) -> Bool:
        return FALSE


class _TurnedOffOnly(ReferenceNxRecovery):
    def _zaps_all(self, before: Bool, after: Bool) -> Bool:
        return all_of(before, negate(after))


def _with(variant: type[ReferenceNxRecovery]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, nx_recovery=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "nx-recovers-logged",
        "Tables are dropped to become huge pages in slots whose dirty pages are logged.",
        _MMU_C,
        r"if \(!kvm_mmu_sp_dirty_logging_enabled\(kvm, sp\)\) \{",
        "if (true) {",
        _with(_LoggedToo),
    ),
    defect(
        "nx-recovers-list-head",
        "When no table is left on the list, its head is taken for one.",
        _MMU_C,
        r"if \(list_empty\(nx_huge_pages\)\) \{",
        "if (!nx_huge_pages) {",
        _with(_RecoversListHead),
    ),
    defect(
        "nx-turned-on-zaps-nothing",
        "The mitigation is turned on, and huge pages that are executable stay.",
        _MMU_C,
        r"if \(new_val != old_val\) \{",
        "if (old_val && !new_val) {",
        _with(_TurnedOffOnly),
    ),
    defect(
        "nx-forgets-flush",
        "Of several tables that are dropped only the last one's flush is made.",
        _MMU_C,
        r"flush \|= (kvm_tdp_mmu_zap_possible_nx_huge_page\(kvm, sp\);)",
        r"flush = \1",
        _with(_LastFlushOnly),
    ),
    defect(
        "nx-zaps-whatever",
        "The entry above a table is emptied although it leads to something else by then.",
        _TDP_MMU_C,
        r"if \(\(tdp_ptep_t\)sp->spt != spte_to_child_pt\(iter\.old_spte, iter\.level\)\)\s+return false;",
        "if ((tdp_ptep_t)sp->spt != spte_to_child_pt(iter.old_spte, iter.level)) {}",
        _with(_WhateverItLeadsTo),
    ),
    defect(
        "nx-zap-untold",
        "That a table was dropped, and a flush is due, is not told.",
        _TDP_MMU_C,
        r"(spte_to_child_pt\(iter\.old_spte, iter\.level\)\);\s+return false;\s+\}\s+)return true;",
        r"\1return false;",
        _with(_ZapUntold),
    ),
)
