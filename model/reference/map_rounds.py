"""Rounds of the loops of Linux 7.2.13 that map a page."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.model.evidence import Evidence
from mmuproof.model.map_rounds import Deed, MapRound, MapRounds, MapTail
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bit, bv, eq, ite, ne, negate, ult, var, zext

_ROUNDS = "after some rounds"
_PAGE_SIZE_BIT = 7
_WORKAROUND = bit(var(f"fault->nx_huge_page_workaround_enabled {_ROUNDS}", 1), 0)
_GFN, _GOAL = var(f"fault->gfn {_ROUNDS}", 64), var(f"fault->goal_level {_ROUNDS}", 8)
_ADJUSTED = var("fault->goal_level after disallowed_hugepage_adjust()", 8)
_LEVEL, _SPTE = var(f"iter.level {_ROUNDS}", 32), var(f"iter.old_spte {_ROUNDS}", 64)
_OKAY = bit(var("shadow_walk_okay()", 1), 0)
_SHADOW_LEVEL = var("it.level after shadow_walk_okay()", 32)
_SHADOW_SPTE = var(f"*it.sptep after shadow_walk_okay() {_ROUNDS}", 64)


class ReferenceMapRounds(ReferenceArea, MapRounds):
    """``kvm_tdp_mmu_map()`` and ``direct_map()``."""

    def tdp(self) -> MapRound:
        """See `MapRounds.tdp`."""
        valid, gfn = bit(var(f"iter.valid {_ROUNDS}", 1), 0), var(f"iter.gfn {_ROUNDS}", 64)
        in_range = all_of(valid, ult(gfn, _GFN + 1))
        asks = self._asks()
        goal = ite(asks, _ADJUSTED, _GOAL)
        at_goal = eq(_LEVEL, zext(goal, 32))
        present = ne(_SPTE & self.constants.SPTE_MMU_PRESENT_MASK, 0)
        table = all_of(present, negate(bit(_SPTE, _PAGE_SIZE_BIT)))
        alive = all_of(in_range, negate(self._gives_up()))
        maps, above = all_of(alive, self._maps(at_goal)), all_of(alive, negate(at_goal))
        links = all_of(above, negate(present))
        splits = all_of(above, present, negate(table))
        failed = ne(ite(present, var("tdp_mmu_split_huge_page()", 32), var("tdp_mmu_link_sp()", 32)), 0)
        done = all_of(any_of(links, splits), negate(failed))
        deed = Deed(when=maps, level=_LEVEL, goal_level=goal, spte=_SPTE, elsewhere=FALSE, unadjusted=negate(asks))
        return MapRound(
            function="kvm_tdp_mmu_map",
            workaround=_WORKAROUND,
            another_fault=self._strays(),
            at_end=negate(in_range),
            maps=deed,
            links=replace(deed, when=links),
            splits=replace(deed, when=splits),
            fails=all_of(any_of(links, splits), failed),
            goes_on=all_of(above, any_of(table, self._went_on(done, any_of(links, splits)))),
            has_table=done,
            spte=ite(
                splits,
                var("iter.old_spte after tdp_mmu_split_huge_page()", 64),
                ite(links, var("iter.old_spte after tdp_mmu_link_sp()", 64), _SPTE),
            ),
            tail=self._tail(),
            evidence=Evidence(),
        )

    def _tail(self) -> MapTail:
        """What is done around the loop."""
        return MapTail(
            begins_elsewhere=FALSE,
            another_page=FALSE,
            strays=FALSE,
            answers_otherwise=FALSE,
            changed_after=FALSE,
            refusal_unnoted=FALSE,
            unprepared=FALSE,
        )

    def _strays(self) -> Bool:
        """Whether the fault becomes another on the way to the loop, or in it."""
        return FALSE

    def _asks(self) -> Bool:
        """Whether it is asked whether the entry may lead to a huge page."""
        return _WORKAROUND

    def _gives_up(self) -> Bool:
        """Whether the entry is another CPU's at the moment."""
        return eq(_SPTE, self.constants.FROZEN_SPTE)

    def _maps(self, at_goal: Bool) -> Bool:
        """Whether a walk maps the page that is here."""
        return at_goal

    def _went_on(self, done: Bool, _tried: Bool) -> Bool:
        """Whether it goes on after it has tried to put a table there."""
        return done

    def direct(self) -> MapRound:
        """See `MapRounds.direct`."""
        asks = all_of(_OKAY, self._asks())
        goal = ite(asks, _ADJUSTED, _GOAL)
        at_goal = eq(_SHADOW_LEVEL, zext(goal, 32))
        base = ite(_OKAY, self._first(_SHADOW_LEVEL), var(f"base_gfn {_ROUNDS}", 64))
        above = all_of(_OKAY, negate(self._stops(_SHADOW_LEVEL, zext(goal, 32))))
        linked = eq(var("kvm_mmu_get_child_sp()", 64), -17)
        maps = Deed(
            when=self._maps(at_goal),
            level=_SHADOW_LEVEL,
            goal_level=goal,
            spte=_SHADOW_SPTE,
            elsewhere=ne(base, _GFN & self._mask(_SHADOW_LEVEL)),
            unadjusted=negate(asks),
        )
        nothing = Deed(
            when=FALSE, level=bv(0, 32), goal_level=bv(0, 8), spte=bv(0, 64), elsewhere=FALSE, unadjusted=FALSE
        )
        links = all_of(above, negate(linked))
        return MapRound(
            function="direct_map",
            workaround=_WORKAROUND,
            another_fault=self._strays(),
            at_end=negate(_OKAY),
            maps=maps,
            links=replace(maps, when=links, elsewhere=FALSE),
            splits=nothing,
            fails=FALSE,
            goes_on=above,
            has_table=any_of(linked, links),
            spte=ite(links, var("*it.sptep after shadow_walk_okay() after link_shadow_page()", 64), _SHADOW_SPTE),
            tail=self._tail(),
            evidence=Evidence(),
        )

    def _stops(self, level: BitVec, goal: BitVec) -> Bool:
        """Whether the loop is left at a level."""
        return eq(level, goal)

    def _first(self, level: BitVec) -> BitVec:
        """The first frame that the entry of the fault's translates at a level."""
        return _GFN & self._mask(level)

    def _mask(self, level: BitVec) -> BitVec:
        return -(bv(1, 64) << zext((level - 1) * 9, 64))
