"""How Linux 7.2.13 splits huge pages of the shadow MMU."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_value
from mmuproof.model.shadow_splits import LOOKED_AT, ShadowSplits, SplitEntry, SplitPage
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bit, bv, eq, ite, ne, negate, slt, ult, var, zext

_ROLE, _SOME, _ENTRIES, _LARGE = var("sp->role", PAGE_ROLE_BITS), "after some rounds", 512, 7
_ACCESS_BITS = 0xF


class ReferenceShadowSplits(ReferenceArea, ShadowSplits):
    """``shadow_mmu_split_huge_page()`` and ``shadow_mmu_get_sp_for_split()``."""

    def entry(self) -> SplitEntry:
        """See `ShadowSplits.entry`."""
        index, before = var(f"index {_SOME}", 32), bv(0, 64)
        for each in range(LOOKED_AT):
            before = ite(eq(index, each), var(f"sp->spt[{each}] {_SOME}", 64), before)
        more = slt(index, bv(_ENTRIES, 32))
        here, made = all_of(more, ult(index, LOOKED_AT)), var("new SPTE", 64)
        present = ne(before & self.constants.SPTE_MMU_PRESENT_MASK, 0)
        table = all_of(ne(role_value(_ROLE, "level"), 1), negate(bit(before, _LARGE)))
        due, makes = ne(var(f"flush {_SOME}", 1), 0), all_of(here, negate(present))
        return SplitEntry(
            index=index,
            here=here,
            present=present,
            table=table,
            before=before,
            after=ite(present, before, made),
            made=made,
            made_right=all_of(makes, self._is_of_entry(index)),
            listed=all_of(makes, self._lists()),
            due=due,
            due_after=any_of(due, all_of(present, self._loses_table(table))),
            next_index=index + 1,
            linked=negate(more),
            ends=negate(more),
            evidence=Evidence(),
        )

    def _is_of_entry(self, _index: BitVec) -> Bool:
        """Whether an SPTE is made for its own entry."""
        return TRUE

    def _lists(self) -> Bool:
        """Whether an SPTE is put on its frame's list."""
        return TRUE

    def _loses_table(self, table: Bool) -> Bool:
        """Whether an entry that is kept maps less than the huge page did."""
        return table

    def page(self) -> SplitPage:
        """See `ShadowSplits.page`."""
        level, access = role_value(_ROLE, "level"), var("the entry's access", 32)
        frame = var("the entry's frame", 64)
        return SplitPage(
            level=zext(level, 32),
            frame=frame,
            access=access,
            right_entry=TRUE,
            told_frame=frame,
            told_level=zext(level - 1, 32),
            told_access=self._access(access) & _ACCESS_BITS,
            told_direct=TRUE,
            evidence=Evidence(),
        )

    def _access(self, noted: BitVec) -> BitVec:
        """The access with which a page is asked, given what is noted of the huge SPTE."""
        return noted
