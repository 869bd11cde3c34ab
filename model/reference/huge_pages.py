"""Where Linux 7.2.13 uses huge pages."""

from __future__ import annotations

from mmuproof.lift.machine.findings import numbered
from mmuproof.model.evidence import Evidence
from mmuproof.model.huge_pages import HUGEST, CountChanged, FrameIndexed, HugePages, LevelChosen, LevelLowered
from mmuproof.model.reference.base.area import ReferenceArea
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

_GFN, _PFN, _GOAL = var("fault->gfn", 64), var("fault->pfn", 64), var("fault->goal_level", 8)
_EXECUTED, _WORKAROUND, _PRIVATE = (
    bit(var(name, 1), 0) for name in ("fault->exec", "fault->nx_huge_page_workaround_enabled", "fault->is_private")
)
_HOST, _GMEM = var("host_pfn_mapping_level()", 32), zext(var("kvm_gmem_max_mapping_level()", 8), 32)
_SMALL = 1
_GMEM_ONLY = bit(var("slot->flags", 32), 17)


def _count(number: int) -> BitVec:
    return var(f"{numbered('lpage_info_slot()', number)}->disallow_lpage", 32)


class ReferenceHugePages(ReferenceArea, HugePages):
    """``kvm_mmu_hugepage_adjust()``, and what counts the frames of guest page tables."""

    def chosen(self, max_level: int) -> LevelChosen:
        """See `HugePages.chosen`."""
        logged = ne(var("slot->flags", 32) & self.constants.KVM_MEM_LOG_DIRTY_PAGES, 0)
        error = ne(_PFN & self.constants.KVM_PFN_ERR_NOSLOT_MASK, 0)
        asks = all_of(negate(error), negate(self._small_for_log(logged)))
        allowed = [FALSE] * (HUGEST - 1)
        by_slot, open_ = bv(_SMALL, 32), asks
        for number, level in enumerate(range(max_level, _SMALL, -1), 1):
            empty = eq(_count(number), 0)
            allowed[level - 2] = all_of(open_, empty)
            by_slot = ite(allowed[level - 2], bv(level, 32), by_slot)
            open_ = all_of(open_, negate(empty))
        guest_memory = self._is_guest_memory(_PRIVATE, _GMEM_ONLY)
        backing = ite(guest_memory, _GMEM, _HOST)
        asked = all_of(asks, any_of(*allowed))
        lower = ite(all_of(asked, slt(backing, by_slot)), backing, by_slot)
        narrow = extract(self._level(lower, by_slot), 7, 0)
        disallowed = all_of(_EXECUTED, _WORKAROUND)
        huge = all_of(asked, ne(narrow, _SMALL), negate(disallowed))
        pages = bv(1, 64) << zext((zext(narrow, 32) - 1) * 9, 64)
        return LevelChosen(
            function="kvm_mmu_hugepage_adjust",
            max_level=max_level,
            gfn=_GFN,
            pfn=_PFN,
            pfn_after=ite(huge, self._first(pages), _PFN),
            goal_level=_GOAL,
            goal_after=ite(huge, narrow, _GOAL),
            executed=_EXECUTED,
            workaround=_WORKAROUND,
            disallowed=disallowed,
            logged=logged,
            is_private=_PRIVATE,
            allowed=tuple(allowed),
            allowed_elsewhere=tuple(
                bool_var(f"the other address space allows a page of level {level}") for level in range(2, HUGEST + 1)
            ),
            backing_asked=asked,
            backing_level=backing,
            only_guest_memory=_GMEM_ONLY,
            of_guest_memory=guest_memory,
            of_frame=TRUE,
            evidence=Evidence(),
        )

    def _is_guest_memory(self, private: Bool, only: Bool) -> Bool:
        """Whether guest memory is behind a frame, by whether that is private, and the slot has no other."""
        return any_of(private, only)

    def _small_for_log(self, logged: Bool) -> Bool:
        """Whether a slot is mapped with small pages because its dirty pages are logged."""
        return logged

    def _level(self, level: BitVec, _by_slot: BitVec) -> BitVec:
        """The level, of what the slot and the memory behind allow."""
        return level

    def _first(self, pages: BitVec) -> BitVec:
        """The host's first frame of a huge page."""
        return _PFN & -pages

    def counted(self, up: bool) -> CountChanged:
        """See `HugePages.counted`."""
        before = tuple(_count(number) for number in range(1, HUGEST))
        after = tuple(each + (1 if up else -1) if self._counts(level) else each for level, each in enumerate(before, 2))
        return CountChanged(up=up, before=before, after=after, evidence=Evidence())

    def _counts(self, _level: int) -> bool:
        """Whether the count of a level changes."""
        return True

    def lowered(self) -> LevelLowered:
        """See `HugePages.lowered`."""
        spte, level = var("spte", 64), var("cur_level", 32)
        noted = bit(var("child->nx_huge_page_disallowed", 1), 0)
        table = all_of(
            ne(spte & self.constants.SPTE_MMU_PRESENT_MASK, 0), eq(spte & self.constants.PT_PAGE_SIZE_MASK, 0)
        )
        lowers = all_of(slt(bv(_SMALL, 32), level), eq(level, zext(_GOAL, 32)), table, noted)
        below, pages = (bv(1, 64) << zext((level - down) * 9, 64) for down in (2, 1))
        return LevelLowered(
            spte=spte,
            level=level,
            noted=noted,
            gfn=_GFN,
            pfn=_PFN,
            pfn_after=ite(lowers, self._small_frame(pages - below), _PFN),
            goal_level=_GOAL,
            goal_after=ite(lowers, _GOAL - 1, _GOAL),
            evidence=Evidence(),
        )

    def _small_frame(self, mask: BitVec) -> BitVec:
        """The host's first frame of a smaller page, by the bits of the fault's that choose it."""
        return _PFN | (_GFN & mask)

    def reverse_map(self, level: int) -> FrameIndexed:
        """See `HugePages.reverse_map`."""
        return self._indexed("gfn_to_rmap", level)

    def slot_info(self, level: int) -> FrameIndexed:
        """See `HugePages.slot_info`."""
        return self._indexed("lpage_info_slot", level)

    def _indexed(self, function: str, level: int) -> FrameIndexed:
        gfn, base, pages = var("gfn", 64), var("slot->base_gfn", 64), var("npages", 64)
        return FrameIndexed(
            function=function,
            level=level,
            gfn=gfn,
            base_gfn=base,
            pages=pages,
            index=self._index(gfn, base, level),
            entries=self._entries(base, pages, level),
            right_place=TRUE,
            evidence=Evidence(),
        )

    @staticmethod
    def _index(gfn: BitVec, base: BitVec, level: int) -> BitVec:
        shift = (level - 1) * 9
        return (gfn >> shift) - (base >> shift)

    def _entries(self, base: BitVec, pages: BitVec, level: int) -> BitVec:
        """How many entries an array is made with."""
        return self._index(base + pages - 1, base, level) + 1
