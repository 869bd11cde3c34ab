"""Defects of the ends of guest walks, and of what they hand on."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.walk_ends import ReferenceWalkEnds
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bv, eq

_PAGING = "arch/x86/kvm/mmu/paging_tmpl.h"


class _PassesLevel1(ReferenceWalkEnds):
    def _is_lowest(self, level: BitVec) -> Bool:
        return FALSE


class _PassesLargePage(ReferenceWalkEnds):
    def ends(self, gpte_format: GpteFormat, cr4_pse: Bool, level: BitVec, gpte: BitVec) -> Bool:
        return self._is_lowest(level)


class _EndsWithoutPse(ReferenceWalkEnds):
    def _has_large_pages(self, cr4_pse: Bool, level: BitVec) -> Bool:
        return TRUE


class _CleanWritable(ReferenceWalkEnds):
    def _is_clean(self, gpte_format: GpteFormat, gpte: BitVec) -> Bool:
        return FALSE


class _DirtyIsAccessed(ReferenceWalkEnds):
    def _is_clean(self, gpte_format: GpteFormat, gpte: BitVec) -> Bool:
        c = self.constants
        return eq(gpte & (c.VMX_EPT_ACCESS_BIT if gpte_format is GpteFormat.EPT else c.PT_ACCESSED_MASK), 0)


class _FrameOf4K(ReferenceWalkEnds):
    def _gfn(self, gpte_format: GpteFormat, entry: BitVec, ended: BitVec, addr: BitVec, pse36: Bool) -> BitVec:
        return super()._gfn(gpte_format, entry, ended, addr & -(1 << 21), pse36)


class _Pse36Ignored(ReferenceWalkEnds):
    def _pse36(self, extended: BitVec) -> BitVec:
        return bv(0, extended.width)


class _FirstPdpte(ReferenceWalkEnds):
    def _pdpte(self, addr: BitVec) -> BitVec:
        return bv(0, 32)


class _ReadsFirst(ReferenceWalkEnds):
    def _reads_there(self) -> Bool:
        return FALSE


class _ReadsHidden(ReferenceWalkEnds):
    def _is_shown(self) -> Bool:
        return FALSE


class _ChecksAsLeaf(ReferenceWalkEnds):
    def _checked_level(self, level: int) -> int:
        return self.constants.PG_LEVEL_4K


class _LastRights(ReferenceWalkEnds):
    def _accumulated(self, above: BitVec, entry: BitVec) -> BitVec:
        return entry


class _NxLost(ReferenceWalkEnds):
    def _nx_mask(self, gpte_format: GpteFormat) -> int:
        return 0


class _HandsCleanOn(ReferenceWalkEnds):
    def _walk_protects(self, accessed_dirty: Bool) -> Bool:
        return FALSE


class _TableOfOwnRights(ReferenceWalkEnds):
    def _granted_above(self, above: BitVec, entry: BitVec) -> BitVec:
        return self._accumulated(above, entry)


def _walks(variant: type[ReferenceWalkEnds]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, walk_ends=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "walk-passes-level-1",
        "A walk of guest tables does not end at level 1.",
        _PAGING,
        r"gpte \|= level - PG_LEVEL_4K - 1;",
        "",
        _walks(_PassesLevel1),
    ),
    defect(
        "walk-passes-large-page",
        "A walk of guest tables goes on behind a large page.",
        _PAGING,
        r"gpte \|= level - PG_LEVEL_4K - 1;",
        "gpte = level - PG_LEVEL_4K - 1;",
        _walks(_PassesLargePage),
    ),
    defect(
        "walk-ends-without-pse",
        "A walk of 32-bit tables takes an entry for a large page although CR4.PSE is clear.",
        _PAGING,
        r"gpte &= level - \(PT32_ROOT_LEVEL \+ \w+->cpu_role\.ext\.cr4_pse\);",
        "",
        _walks(_EndsWithoutPse),
    ),
    defect(
        "clean-gpte-writable",
        "A clean guest entry grants writes.",
        _PAGING,
        r"(\t)\*access &= mask;",
        "",
        _walks(_CleanWritable),
    ),
    defect(
        "dirty-flag-is-accessed",
        "The accessed flag of a guest entry is taken for its dirty flag.",
        _PAGING,
        r"gpte >> \(PT_GUEST_DIRTY_SHIFT - PT_WRITABLE_SHIFT\)",
        "gpte >> (PT_GUEST_ACCESSED_SHIFT - PT_WRITABLE_SHIFT)",
        _walks(_DirtyIsAccessed),
    ),
    defect(
        "walk-frame-of-4k",
        "A walk that ends at a large page forgets which small page of it the address is in.",
        _PAGING,
        r"gfn \+= \(addr & PT_LVL_OFFSET_MASK\(walker->level\)\) >> PAGE_SHIFT;",
        "gfn += (addr & PT_LVL_OFFSET_MASK(walker->level) & ~((1ull << 21) - 1)) >> PAGE_SHIFT;",
        _walks(_FrameOf4K),
    ),
    defect(
        "pse36-ignored",
        "A walk of 32-bit tables forgets the upper address bits of a 4-MByte page.",
        _PAGING,
        r"gfn \+= pse36_gfn_delta\(pte\);",
        "gfn += 0;",
        _walks(_Pse36Ignored),
    ),
    defect(
        "walk-pdpte-of-first",
        "A walk of PAE paging always begins at the first PDPTE.",
        _PAGING,
        r"get_pdptr\(vcpu, \(addr >> 30\) & 3\)",
        "get_pdptr(vcpu, 0)",
        _walks(_FirstPdpte),
    ),
    defect(
        "walk-checks-as-leaf",
        "A walk checks the reserved bits of every entry as those of level 1.",
        _PAGING,
        r"(FNAME\(is_rsvd_bits_set\)\([^,]+, pte, )walker->level\)",
        r"\1PG_LEVEL_4K)",
        _walks(_ChecksAsLeaf),
    ),
    defect(
        "walk-takes-last-rights",
        "A walk judges an access by the last entry alone.",
        _PAGING,
        r"pte_access = pt_access & \(pte \^ walk_nx_mask\);",
        "pte_access = pte ^ walk_nx_mask;",
        _walks(_LastRights),
    ),
    defect(
        "walk-nx-lost",
        "A walk ands the NX bits of the entries as if they granted something.",
        _PAGING,
        r"walk_nx_mask = 1ULL << PT64_NX_SHIFT;",
        "walk_nx_mask = 0;",
        _walks(_NxLost),
    ),
    defect(
        "walk-reads-first",
        "A walk reads the first entry of each table.",
        _PAGING,
        r"\(void \*\)host_addr \+ offset\b",
        "(void *)host_addr",
        _walks(_ReadsFirst),
    ),
    defect(
        "walk-reads-hidden",
        "A walk reads tables that lie in slots of KVM's own.",
        _PAGING,
        r"if \(!kvm_is_visible_memslot\(slot\)\)\s*goto error;",
        ";",
        _walks(_ReadsHidden),
    ),
    defect(
        "walk-hands-clean-on",
        "A walk for a read hands on that a clean entry grants writes.",
        _PAGING,
        r"FNAME\(protect_clean_gpte\)\(\w+, &walker->pte_access, pte\);",
        ";",
        _walks(_HandsCleanOn),
    ),
    defect(
        "walk-table-of-own-rights",
        "The page for a table is made for what the table's own entry grants.",
        _PAGING,
        r"(walker->pt_access\[walker->level - 1\] = FNAME\(gpte_access\)\()pt_access",
        r"\1pte_access",
        _walks(_TableOfOwnRights),
    ),
)
