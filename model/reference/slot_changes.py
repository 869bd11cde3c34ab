"""What Linux 7.2.13 makes of a memory slot, and takes away with it."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.listed_page import listed_page
from mmuproof.model.slot_changes import ROOM, ArraysMade, SlotChanges, SlotGone, SlotsZapped, TablesGone, is_looked_at
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bv,
    eq,
    extract,
    iff,
    ite,
    ne,
    negate,
    sext,
    slt,
    ult,
    var,
)

_BITS, _SOME = 9, "after some rounds"
_BASE, _PAGES = var("slot->base_gfn", 64), var("slot->npages", 64)
_HAS_RMAPS = ne(var("kvm_memslots_have_rmaps()", 1), 0)


class ReferenceSlotChanges(ReferenceArea, SlotChanges):
    """``kvm_alloc_memslot_metadata()``, ``kvm_arch_flush_shadow_memslot()`` and ``kvm_rmap_zap_gfn_range()``."""

    def arrays(self, level: int) -> ArraysMade:
        """See `SlotChanges.arrays`."""
        shift, address = (level - 1) * _BITS, var("slot->userspace_addr", 64)
        low = (1 << shift) - 1
        length = sext(extract(((_BASE + _PAGES - 1) >> shift) - (_BASE >> shift) + 1, 31, 0), 64)
        begins = any_of(negate(_HAS_RMAPS), eq(var("memslot_rmap_alloc()", 32), 0))
        small = is_looked_at(level, _BASE, _PAGES, address)
        succeeds = all_of(small, begins, eq(var("kvm_page_track_create_memslot()", 32), 0))
        head, tail = (ne(each & low, 0) for each in (_BASE, _BASE + _PAGES))
        apart = ne((_BASE ^ (address >> 12)) & (1 << (self._aligned_to(level) - 1) * _BITS) - 1, 0)
        return ArraysMade(
            level=level,
            base=_BASE,
            pages=_PAGES,
            address=address,
            small=small,
            succeeds=succeeds,
            put=succeeds,
            length=length,
            forbidden=tuple(
                any_of(
                    all_of(self._forbids_unaligned(apart), ult(bv(each, 64), length)),
                    all_of(self._forbids_head(head), TRUE if each == 0 else FALSE),
                    all_of(tail, eq(length - 1, each)),
                )
                for each in range(ROOM)
            ),
            has_rmaps=_HAS_RMAPS,
            makes_rmaps=_HAS_RMAPS,
            evidence=Evidence(),
        )

    def _aligned_to(self, level: int) -> int:
        """The level of the page to whose size frames and addresses are to be aligned alike."""
        return level

    def _forbids_unaligned(self, apart: Bool) -> Bool:
        """Whether no page may be huge, given whether frames and addresses are not aligned alike."""
        return apart

    def _forbids_head(self, head: Bool) -> Bool:
        """Whether the first page may not be huge, given whether the slot begins inside of it."""
        return head

    def gone(self) -> SlotGone:
        """See `SlotChanges.gone`."""
        whole = all_of(eq(var("kvm->arch.vm_type", 8), 0), ne(var("kvm_check_has_quirk()", 1), 0))
        single = negate(whole)
        return SlotGone(
            all_given_up=whole,
            ended=all_of(whole, self._ends()),
            range_taken=all_of(single, self._takes_range()),
            tables_taken=single,
            evidence=Evidence(),
        )

    def _ends(self) -> Bool:
        """Whether what is left of giving all up is done."""
        return TRUE

    def _takes_range(self) -> Bool:
        """Whether all frames of a slot are taken away."""
        return TRUE

    def tables_gone(self) -> TablesGone:
        """See `SlotChanges.tables_gone`."""
        none, number = ne(var("list_empty()", 32), 0), var(f"i {_SOME}", 64)
        more = all_of(negate(none), ult(number, self._bound(_PAGES)))
        page = replace(listed_page(_BASE + number, loop="#2"), generation=var("kvm->arch.mmu_valid_gen", 8))
        done, due = all_of(more, negate(page.there)), ne(var(f"flush {_SOME}", 1), 0)
        waits = any_of(ne(var("need_resched()", 1), 0), ne(var("rwlock_needbreak()", 32), 0))
        yields = all_of(done, waits)
        return TablesGone(
            none=none,
            first=bv(0, 64),
            number=number,
            pages=_PAGES,
            looks=more,
            page=page,
            given_up=all_of(more, page.shadows, self._gives_up()),
            after=number + 1,
            goes_on=done,
            due=due,
            yields=yields,
            flushed_between=yields,
            flushed_after=all_of(negate(more), any_of(negate(due), any_of(negate(none), ne(var("flush", 8) & 1, 0)))),
            ends=negate(more),
            evidence=Evidence(),
        )

    def _bound(self, pages: BitVec) -> BitVec:
        """Up to which frame of the slot is looked."""
        return pages

    def _gives_up(self) -> Bool:
        """Whether pages that shadow a table in the slot are given up."""
        return TRUE

    def zapped(self) -> SlotsZapped:
        """See `SlotChanges.zapped`."""
        slot = "iter.slot after some rounds#2->{} after some rounds#2"
        start, end = var("gfn_start", 64), var("gfn_end", 64)
        base, pages = (var(slot.format(name), 64) for name in ("base_gfn", "npages"))
        spaces = ite(ne(var("kvm->arch.has_private_mem", 1), 0), bv(1, 32), bv(2, 32))
        space = var(f"i {_SOME}", 32)
        looks = all_of(_HAS_RMAPS, slt(space, self._spaces(spaces)))
        there = all_of(looks, ne(var("kvm_memslot_iter_is_valid()", 1), 0))
        first, last = ite(ult(base, start), start, base), base + pages
        last = self._last(ite(ult(end, last), end, last))
        zaps = all_of(there, ult(first, last))
        return SlotsZapped(
            needed=_HAS_RMAPS,
            spaces=spaces,
            first_space=bv(0, 32),
            space=space,
            looks=looks,
            space_after=space + 1,
            next_space=all_of(looks, negate(there)),
            there=there,
            start=start,
            end=end,
            base=base,
            pages=pages,
            zaps=zaps,
            zap_start=first,
            zap_end=last,
            told_due=TRUE,
            due_kept=TRUE,
            answer_due=any_of(_HAS_RMAPS, iff(FALSE, ne(var(f"flush {_SOME}", 1), 0))),
            evidence=Evidence(),
        )

    def _spaces(self, spaces: BitVec) -> BitVec:
        """In how many address spaces frames are taken away."""
        return spaces

    def _last(self, last: BitVec) -> BitVec:
        """The frame at which what is taken away ends."""
        return last
