"""How Linux 7.2.13 splits huge pages of the shadow MMU."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag, role_value
from mmuproof.model.shadow_splits import LOOKED_AT, ListedSplit, ShadowSplits, SplitEntry, SplitPage, SplitTried
from mmuproof.smt.terms import (
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    bv,
    eq,
    ite,
    ne,
    negate,
    slt,
    ult,
    var,
    zext,
)

_ROLE, _SOME, _ENTRIES, _LARGE = var("sp->role", PAGE_ROLE_BITS), "after some rounds", 512, 7
_ACCESS_BITS = 0xF
_MOST_LEFT, _EAGAIN, _ENOSPC = 5, 11, 28


class ReferenceShadowSplits(ReferenceArea, ShadowSplits):
    """``shadow_mmu_try_split_huge_pages()`` and what it calls."""

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

    def tried(self) -> SplitTried:
        """See `ShadowSplits.tried`."""
        room = ult(bv(_MOST_LEFT, 64), var("kvm_mmu_available_pages()", 64))
        ready, error = negate(ne(var("need_topup_split_caches_or_resched()", 1), 0)), var("topup_split_caches()", 32)
        unlocked, splits = all_of(room, negate(ready)), all_of(room, self._is_ready(ready))
        after = ite(eq(error, 0), self._said_unlocked(), error)
        return SplitTried(
            ready=ready,
            unlocked=unlocked,
            locked=TRUE,
            splits=splits,
            split_before=TRUE,
            split_right=splits,
            answer=ite(unlocked, after, ite(room, bv(0, 32), bv(-_ENOSPC, 32))),
            evidence=Evidence(),
        )

    def _is_ready(self, ready: Bool) -> Bool:
        """Whether a page is split that there is memory for, or not."""
        return ready

    def _said_unlocked(self) -> BitVec:
        """What is told when the lock was given up, and memory was got."""
        return bv(-_EAGAIN, 32)

    def listed(self) -> ListedSplit:
        """See `ShadowSplits.listed`."""
        entry, said = (
            var("*huge_sptep after some rounds after some rounds", 64),
            var("shadow_mmu_try_split_huge_page()", 32),
        )
        found = negate(bool_var(f"huge_sptep {_SOME} == NULL"))
        here = all_of(found, ne(entry & self.constants.SPTE_MMU_PRESENT_MASK, 0))
        shadows, invalid = (role_flag(_ROLE, name) for name in ("guest_mode", "invalid"))
        huge, unsync = bit(entry, _LARGE), ne(var("sp->unsync", 1), 0)
        tried = all_of(here, shadows, self._is_huge(huge), negate(unsync), negate(invalid))
        return ListedSplit(
            here=here,
            huge=huge,
            shadows=shadows,
            unsync=unsync,
            invalid=invalid,
            tried=tried,
            tried_right=tried,
            said=said,
            restarts=all_of(tried, self._begins_anew(said)),
            goes_on=self._goes_on(all_of(found, negate(tried)), tried),
            evidence=Evidence(),
        )

    def _is_huge(self, huge: Bool) -> Bool:
        """Whether a page is one that is split."""
        return huge

    def _begins_anew(self, said: BitVec) -> Bool:
        """Whether a list is gone through again after a try."""
        return any_of(eq(said, 0), eq(said, -_EAGAIN))

    def _goes_on(self, passed: Bool, _tried: Bool) -> Bool:
        """Whether it is gone on with the next SPTE."""
        return passed
