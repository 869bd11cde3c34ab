"""Which frames' translations Linux 7.2.13 flushes when it takes an entry away."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.flush_ranges import FlushRanges, MapFlushed, RangeFlushed, TableFlushed
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag, role_value
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.model.stores import ENTRIES
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    bv,
    eq,
    extract,
    ite,
    ne,
    negate,
    slt,
    var,
    zext,
)

_AT = ENTRIES - 1
_PAGE, _CHILD = var("sp->role", PAGE_ROLE_BITS), var("child->role", PAGE_ROLE_BITS)
_ENTRY, _SPTE, _MMIO = var(f"table[{_AT}]", 64), var("new SPTE", 64), var("new MMIO SPTE", 64)
_NO_SLOT = 1 << 63
_NOTES, _SHADOWED = bool_var("sp->shadowed_translation != NULL"), var(f"sp->shadowed_translation[{_AT}]", 64)
_PAGE_GFN, _CHILD_GFN = var("sp->gfn", 64), var("child->gfn", 64)
_GFN, _PFN = var("gfn", 64), var("pfn", 64)
_RECYCLE_THRESHOLD = 1000
_LEVEL_BITS = 9


def _left(function: str) -> BitVec:
    return var(f"table[{_AT}] after {function}()", 64)


class ReferenceFlushRanges(ReferenceArea, FlushRanges):
    """The functions of ``mmu.c`` and ``tdp_mmu.c`` that flush the frames of one entry.

    Args:
        constants: the kernel's numbers.
        sptes: the predicates.
    """

    def __init__(self, constants: Constants | None = None, sptes: ReferenceSptes | None = None) -> None:
        super().__init__(constants)
        self._sptes = sptes or ReferenceSptes(self.constants)

    def tdp_map(self) -> MapFlushed:
        """See `FlushRanges.tdp_map`."""
        present, last = self._sptes.is_shadow_present_pte(_ENTRY), self._is_last()
        allowed = any_of(bit(var("fault->prefetch", 1), 0), bit(var("is_access_allowed()", 1), 0))
        new = ite(bool_var("fault->slot == NULL"), _MMIO, _SPTE)
        changes = all_of(
            eq(zext(role_value(_PAGE, "level"), 8), var("fault->goal_level", 8)),
            negate(all_of(present, allowed, last)),
            ne(new, _ENTRY),
        )
        asked = all_of(changes, present, any_of(negate(last), self._forbids(_ENTRY, new)))
        gfn = var("iter->gfn", 64)
        return MapFlushed(
            **vars(self._told("tdp_mmu_map_handle_target_level", gfn, changes, asked, pages=self._pages_flushed())),
            pfn=var("fault->pfn", 64),
        )

    def shadow_map(self) -> MapFlushed:
        """See `FlushRanges.shadow_map`."""
        present, last = self._sptes.is_shadow_present_pte(_ENTRY), self._is_last()
        prefetch = any_of(bool_var("fault == NULL"), bit(var("fault->prefetch", 1), 0))
        same = eq(_PFN, (_ENTRY & self.constants.SPTE_BASE_ADDR_MASK) >> self.constants.PAGE_SHIFT)
        spurious = all_of(present, prefetch, last, same)
        table, other = (all_of(present, each) for each in (self._is_table(), negate(same)))
        # What is left when an entry is taken away is unknown here.
        left = ite(table, _left("drop_parent_pte"), ite(other, _left("drop_spte"), _ENTRY))
        no_slot, taken = eq(_PFN, _NO_SLOT), any_of(all_of(table, self._flushes_table()), all_of(negate(table), other))
        forbids = all_of(self._sptes.is_shadow_present_pte(left), ne(left, _SPTE), self._forbids(left, _SPTE))
        asked = all_of(negate(spurious), any_of(taken, all_of(negate(no_slot), forbids)))
        changes = all_of(negate(spurious), ne(_ENTRY, ite(no_slot, _MMIO, _SPTE)))
        return MapFlushed(**vars(self._told("mmu_set_spte", _GFN, changes, asked)), pfn=_PFN)

    def recycled(self) -> RangeFlushed:
        """See `FlushRanges.recycled`."""
        many = slt(bv(_RECYCLE_THRESHOLD, 32), var("pte_list_add()", 32))
        return self._told("__rmap_add", _GFN, many, many)

    def dropped(self) -> TableFlushed:
        """See `FlushRanges.dropped`."""
        access, wanted = zext(role_value(_CHILD, "access"), 32), var("direct_access", 32)
        table = all_of(self._sptes.is_shadow_present_pte(_ENTRY), negate(self._is_large()))
        drops = all_of(table, self._has_another_access(access, wanted))
        return self._table("validate_direct_spte", drops, drops, FALSE, wanted, TRUE)

    def linked(self) -> TableFlushed:
        """See `FlushRanges.linked`."""
        present, flushes = self._sptes.is_shadow_present_pte(_ENTRY), bit(var("flush", 8), 0)
        none_left = eq(var("mmu_page_zap_pte()", 32), 0)
        asked, everything = all_of(present, none_left, flushes), all_of(present, negate(none_left))
        return self._table("__link_shadow_page", present, asked, everything, bv(0, 32), flushes)

    def _table(
        self, caller: str, changes: Bool, asked: Bool, everything: Bool, wanted: BitVec, flushes: Bool
    ) -> TableFlushed:
        """What is told of a function that flushes what an entry maps by where it stands."""
        own = _PAGE_GFN + (bv(self._own_index(), 64) << zext((self._level() - 1) * _LEVEL_BITS, 64))
        noted = ite(_NOTES, zext(extract(_SHADOWED, 63, 12), 64), own)
        first = ite(role_flag(_PAGE, "passthrough"), _PAGE_GFN, noted)
        return TableFlushed(
            **vars(self._told(caller, _CHILD_GFN, changes, asked, everything, around=first)),
            child_access=zext(role_value(_CHILD, "access"), 32),
            wanted=wanted,
            child_direct=role_flag(_CHILD, "direct"),
            flushes=flushes,
        )

    def _own_index(self) -> int:
        """Which entry it is that is flushed."""
        return _AT

    def _has_another_access(self, access: BitVec, wanted: BitVec) -> Bool:
        """Whether a table is dropped because of what it may grant."""
        return ne(access, wanted)

    def _flushes_table(self) -> Bool:
        """Whether mmu_set_spte() wants a flush where it takes a table away."""
        return TRUE

    def _pages_flushed(self) -> BitVec:
        """How many frames the TDP MMU flushes."""
        return self._pages()

    def _is_large(self) -> Bool:
        return ne(_ENTRY & self.constants.PT_PAGE_SIZE_MASK, 0)

    def _is_table(self) -> Bool:
        return all_of(slt(bv(1, 32), self._level()), negate(self._is_large()))

    @staticmethod
    def _forbids(old: BitVec, new: BitVec) -> Bool:
        """``leaf_spte_change_needs_tlb_flush()``."""
        writable = var("shadow_mmu_writable_mask", 64)
        return all_of(ne(old & writable, 0), eq(new & writable, 0))

    def _pages(self) -> BitVec:
        """``KVM_PAGES_PER_HPAGE()`` of the entry's level."""
        return bv(1, 64) << zext((self._level() - 1) * _LEVEL_BITS, 64)

    def _is_last(self) -> Bool:
        return self._sptes.is_last_spte(_ENTRY, self._level())

    def _level(self) -> BitVec:
        return zext(role_value(_PAGE, "level"), 32)

    def _told(
        self,
        caller: str,
        gfn: BitVec,
        changes: Bool,
        asked: Bool,
        everything: Bool = FALSE,
        *,
        around: BitVec | None = None,
        pages: BitVec | None = None,
    ) -> RangeFlushed:
        """What is told of any entry; what is flushed is around the frame ``gfn`` if not around another."""
        return RangeFlushed(
            caller=caller,
            level=self._level(),
            index=_AT,
            before=_ENTRY,
            changes=changes,
            gfn=gfn,
            page_gfn=_PAGE_GFN,
            page_direct=role_flag(_PAGE, "direct"),
            page_passthrough=role_flag(_PAGE, "passthrough"),
            shadowed=_SHADOWED,
            notes=_NOTES,
            asked=asked,
            first=(gfn if around is None else around) & -self._pages(),
            pages=self._pages() if pages is None else pages,
            everything=everything,
            evidence=Evidence(),
        )
