"""Defects of what is kept of SPTEs beside them."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.reverse_maps import ReferenceReverseMaps
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _NotesAll(ReferenceReverseMaps):
    def _noted_access(self, access: BitVec) -> BitVec:
        return (access & 0) | 0xF


class _NotRenoted(ReferenceReverseMaps):
    def _renotes(self) -> Bool:
        return FALSE


class _AnotherLevel(ReferenceReverseMaps):
    def _lists(self) -> Bool:
        return FALSE


class _DropsUnflushed(ReferenceReverseMaps):
    def _flushes(self, _dropped: Bool) -> Bool:
        return FALSE


class _StaysListed(ReferenceReverseMaps):
    def _unlists(self) -> Bool:
        return FALSE


class _BelowSlot(ReferenceReverseMaps):
    def _of_slot(self, _gfn: BitVec, _base: BitVec) -> Bool:
        return TRUE


class _GoesOnInList(ReferenceReverseMaps):
    def _restarts(self, _dropped: Bool) -> Bool:
        return FALSE


class _ForgetsFlushBefore(ReferenceReverseMaps):
    def _due_after(self, due: Bool, owes: Bool) -> Bool:
        return owes


class _OwesNoFlush(ReferenceReverseMaps):
    def _due_after(self, due: Bool, owes: Bool) -> Bool:
        return due


class _ProtectsForNow(ReferenceReverseMaps):
    def _protects_as_asked(self) -> Bool:
        return FALSE


class _ForgetsFlushOfCleared(ReferenceReverseMaps):
    def _due_when_cleared(self, due: Bool, owes: Bool) -> Bool:
        return owes


class _ClearsNoDirtyFlags(ReferenceReverseMaps):
    def _clears(self, by_writes: Bool) -> Bool:
        return by_writes


def _kept(variant: type[ReferenceReverseMaps]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, reverse_maps=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "translation-notes-all",
        "It is noted of every SPTE that the guest grants everything.",
        _MMU_C,
        r"sp->shadowed_translation\[index\] = \(gfn << PAGE_SHIFT\) \| access;",
        "sp->shadowed_translation[index] = (gfn << PAGE_SHIFT) | ACC_ALL;",
        _kept(_NotesAll),
    ),
    defect(
        "translation-not-renoted",
        "What the guest grants is not noted anew of a page that is mapped already.",
        _MMU_C,
        r"(/\* Already rmapped but the pte_access bits may have changed\. \*/)\s+"
        r"kvm_mmu_page_set_access\(sp, spte_index\(sptep\), pte_access\);",
        r"\1",
        _kept(_NotRenoted),
    ),
    defect(
        "rmap-of-small-pages",
        "Each SPTE is put on the list of what maps its frame by a small page.",
        _MMU_C,
        r"(rmap_head = gfn_to_rmap\(gfn, )sp->role\.level(, slot\);\s+rmap_count = pte_list_add)",
        r"\1PG_LEVEL_4K\2",
        _kept(_AnotherLevel),
    ),
    defect(
        "rmap-drops-unflushed",
        "What maps a frame is taken away where there is too much of it, and TLBs keep it.",
        _MMU_C,
        r"(kvm_zap_all_rmap_sptes\(kvm, rmap_head\);)\s+kvm_flush_remote_tlbs_gfn\(kvm, gfn, sp->role\.level\);",
        r"\1",
        _kept(_DropsUnflushed),
    ),
    defect(
        "dropped-spte-stays-listed",
        "An SPTE that is taken away stays on the list of what maps its frame.",
        _MMU_C,
        r"if \(is_shadow_present_pte\(old_spte\)\)\s+rmap_remove\(kvm, sptep\);",
        "",
        _kept(_StaysListed),
    ),
    defect(
        "collapse-asks-below-slot",
        "It is asked how large a page can be around a frame that lies before its slot.",
        _MMU_C,
        r"sp->role\.direct && is_gfn_in_memslot\(slot, sp->gfn\) &&",
        "sp->role.direct && sp->gfn < slot->base_gfn + slot->npages &&",
        _kept(_BelowSlot),
    ),
    defect(
        "collapse-goes-on-in-list",
        "A list is gone through further by an SPTE that is no longer on it.",
        _MMU_C,
        r"(need_tlb_flush = 1;\s+)goto restart;",
        r"\1continue;",
        _kept(_GoesOnInList),
    ),
    defect(
        "protects-first-flush-only",
        "Only whether the last SPTE of a frame was writable decides about a flush.",
        _MMU_C,
        r"flush \|= spte_write_protect\(sptep, pt_protect\);",
        "flush = spte_write_protect(sptep, pt_protect);",
        _kept(_ForgetsFlushBefore),
    ),
    defect(
        "protects-without-flush",
        "SPTEs of a frame are write-protected, and no flush is asked for.",
        _MMU_C,
        r"flush \|= spte_write_protect\(sptep, pt_protect\);",
        "spte_write_protect(sptep, pt_protect);",
        _kept(_OwesNoFlush),
    ),
    defect(
        "protects-for-now",
        "SPTEs of a table that is shadowed may become writable again without KVM's lock.",
        _MMU_C,
        r"flush \|= spte_write_protect\(sptep, pt_protect\);",
        "flush |= spte_write_protect(sptep, false);",
        _kept(_ProtectsForNow),
    ),
    defect(
        "clears-last-flush-only",
        "Only whether the last SPTE of a frame was dirty decides about a flush.",
        _MMU_C,
        r"flush \|= spte_clear_dirty\(sptep\);",
        "flush = spte_clear_dirty(sptep);",
        _kept(_ForgetsFlushOfCleared),
    ),
    defect(
        "clears-no-dirty-flags",
        "Dirty flags of a frame's SPTEs stay, so that what the guest writes next is not noticed.",
        _MMU_C,
        r"flush \|= spte_clear_dirty\(sptep\);",
        ";",
        _kept(_ClearsNoDirtyFlags),
    ),
)
