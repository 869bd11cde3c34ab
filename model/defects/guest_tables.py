"""Defects of keeping guest page tables write-protected."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.guest_tables import ReferenceGuestTables
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, bv, ite, ult

_MMU_C, _PAGE_TRACK_C = "arch/x86/kvm/mmu/mmu.c", "arch/x86/kvm/mmu/page_track.c"


class _HighTablesOnly(ReferenceGuestTables):
    def _is_counted(self, level: BitVec) -> Bool:
        return ult(bv(2, 32), level)


class _KeepsSmallForbidden(ReferenceGuestTables):
    def _allows(self, done: Bool, upper: Bool) -> Bool:
        return all_of(done, upper)


class _NoFlushOfLowest(ReferenceGuestTables):
    def _flushes(self, stale: Bool, upper: Bool) -> Bool:
        return all_of(stale, upper)


class _OwnSpaceOnly(ReferenceGuestTables):
    def _writers(self, _wanted: Bool) -> Bool:
        return FALSE


class _HugeOwnSpaceOnly(ReferenceGuestTables):
    def _forbidden(self, _counted: Bool) -> Bool:
        return FALSE


class _UnsyncsAhead(ReferenceGuestTables):
    def _only_written(self, _prefetch: Bool) -> Bool:
        return FALSE


class _LeftInSync(ReferenceGuestTables):
    def _marked(self, _marks: Bool) -> Bool:
        return FALSE


class _SparesFirstLevel(ReferenceGuestTables):
    def _from(self, min_level: int) -> int:
        return min_level + 1


class _MayBeWritableAgain(ReferenceGuestTables):
    def _is_for_tables(self) -> Bool:
        return FALSE


class _TdpToldOnly(ReferenceGuestTables):
    def _told(self, shadow: Bool, tdp: Bool, tdp_mmu: Bool) -> Bool:
        return ite(tdp_mmu, tdp, shadow)


def _with(variant: type[ReferenceGuestTables]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, guest_tables=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "shadowed-high-tables-only",
        "Writes to a table of level 2 that is shadowed are nobody's wish to know.",
        _MMU_C,
        r"if \(sp->role\.level > PG_LEVEL_4K\)(\s+return (?:__kvm_write_track_add_gfn|kvm_slot_page_track_add_page)\()",
        r"if (sp->role.level > PG_LEVEL_2M)\1",
        _with(_HighTablesOnly),
    ),
    defect(
        "shadowed-keeps-forbidden",
        "When a table of level 1 is shadowed no longer, huge pages around it stay forbidden.",
        _MMU_C,
        r"(_track_remove_(?:page|gfn)\(kvm, slot, gfn[^;]+;)\s+kvm_mmu_gfn_allow_lpage\(slot, gfn\);",
        r"\1",
        _with(_KeepsSmallForbidden),
    ),
    defect(
        "shadowed-unflushed",
        "That a table of level 1 is write-protected is not flushed.",
        _MMU_C,
        r"(kvm_mmu_slot_gfn_write_protect\(kvm, slot, gfn, PG_LEVEL_4K\))\)"
        r"(\s+kvm_flush_remote_tlbs_(?:gfn|with_address)\(kvm, gfn,)",
        r"\1 && false)\2",
        _with(_NoFlushOfLowest),
    ),
    defect(
        "tracked-own-space",
        "Whether somebody wants to know of writes to a frame is asked of one address space.",
        _PAGE_TRACK_C,
        r"(if \(kvm_arch_nr_memslot_as_ids\(kvm\) > )1\)",
        r"\g<1>2)",
        _with(_OwnSpaceOnly),
    ),
    defect(
        "tracked-huge-own-space",
        "Whether a frame may be part of a huge page is asked of one address space.",
        _MMU_C,
        r"if \(other_slot && (lpage_info_slot\(gfn, other_slot, level\))",
        r"if (false && \1",
        _with(_HugeOwnSpaceOnly),
    ),
    defect(
        "unsynced-ahead",
        "A page may get out of sync although nobody has written.",
        _MMU_C,
        r"if \(prefetch\)(\s+return -EEXIST;\s+/\*\s+\* TDP MMU page faults)",
        r"if (false)\1",
        _with(_UnsyncsAhead),
    ),
    defect(
        "unsynced-left",
        "A page stays in sync whose table the guest may write.",
        _MMU_C,
        r"sp->unsync = 1;",
        "",
        _with(_LeftInSync),
    ),
    defect(
        "protected-may-be-writable",
        "SPTEs of a frame that holds a table may be made writable again by a fast page fault.",
        _MMU_C,
        r"(write_protected \|= rmap_write_protect\(rmap_head, )true",
        r"\1false",
        _with(_MayBeWritableAgain),
    ),
    defect(
        "protected-spares-first",
        "SPTEs of the lowest level that is meant keep the permission to write.",
        _MMU_C,
        r"for \(i = min_level; (i <= KVM_MAX_HUGEPAGE_LEVEL; \+\+i\) \{"
        r"\s+rmap_head = gfn_to_rmap\(gfn, i, slot\);\s+write_protected)",
        r"for (i = min_level + 1; \1",
        _with(_SparesFirstLevel),
    ),
    defect(
        "protected-tdp-told",
        "What the shadow MMU has write-protected is not told where the TDP MMU is in use too.",
        _MMU_C,
        r"write_protected \|=(\s+kvm_tdp_mmu_write_protect_gfn)",
        r"write_protected =\1",
        _with(_TdpToldOnly),
    ),
)
