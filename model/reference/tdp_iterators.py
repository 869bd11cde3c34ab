"""The TDP MMU's iterator of Linux 7.2.13."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.stores import ENTRIES
from mmuproof.model.tdp_iterators import LEVELS, Stand, TdpIterators, TdpStep, either_stand
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bool_var, boolean, bv, eq, ne, negate, ult, var

_LAST, _INDEX_BITS, _CHILD = ENTRIES - 1, 9, LEVELS
_GFN, _GOAL, _BITS = var("iter->gfn", 64), var("iter->next_last_level_gfn", 64), var("iter->gfn_bits", 64)
_MIN_LEVEL, _HAS_CHILD = var("min_level", 32), bool_var("the entry leads to a table")


class ReferenceTdpIterators(ReferenceArea, TdpIterators):
    """The functions of ``tdp_iter.c``."""

    def next(self, root_level: int, level: int) -> TdpStep:
        """See `TdpIterators.next`: down, or to the side, or up and to the side."""
        goes_down = all_of(boolean(level > 1), _HAS_CHILD, negate(self._at_bottom(level)))
        # A defect may go down from the lowest level that there is.
        down = self._refreshed(self._goal_below(), max(level - 1, 1), _CHILD)
        after = either_stand(goes_down, down, self._aside(level, root_level))
        return self._step("tdp_iter_next", root_level, level, after)

    def _at_bottom(self, level: int) -> Bool:
        return eq(_MIN_LEVEL, level)

    def _goal_below(self) -> BitVec:
        """The frame whose entry it goes to, one level below."""
        return _GOAL

    def _refreshed(self, gfn: BitVec, level: int, table: int) -> Stand:
        """At the entry of a frame in a table."""
        first = self._first(gfn, level)
        return self._at(level, first, self._index(first, level), table, _GOAL)

    def _first(self, gfn: BitVec, level: int) -> BitVec:
        return gfn & -(1 << (level - 1) * _INDEX_BITS)

    def _index(self, gfn: BitVec, level: int) -> BitVec:
        return ((gfn | _BITS) >> (level - 1) * _INDEX_BITS) & _LAST

    def _at(self, level: int, gfn: BitVec, index: BitVec, table: int, goal: BitVec) -> Stand:
        path = [*range(LEVELS)]
        if table == _CHILD:
            path[level - 1] = _CHILD
        return Stand(
            valid=TRUE,
            level=bv(level, 32),
            gfn=gfn,
            goal=goal,
            tables=_only(table),
            index=index,
            path=tuple(map(_only, path)),
            read=TRUE,
        )

    def _aside(self, level: int, root_level: int) -> Stand:
        gfn = self._first(_GFN, level) if level > 1 else _GFN
        index = self._index(gfn, level)
        moved = gfn + self._pages(level)
        aside = self._at(level, moved, index + 1, level - 1, self._goal_aside(moved))
        is_last = eq(index, self._last())
        if level == root_level:
            return replace(aside, valid=negate(is_last))
        return either_stand(is_last, self._aside(level + 1, root_level), aside)

    def _pages(self, level: int) -> int:
        return 1 << (level - 1) * _INDEX_BITS

    def _last(self) -> int:
        """The number of a table's last entry."""
        return _LAST

    def _goal_aside(self, gfn: BitVec) -> BitVec:
        return gfn

    def after_yield(self, root_level: int, level: int) -> TdpStep:
        """See `TdpIterators.after_yield`: at the root again."""
        after = self._refreshed(self._goal_again(), root_level, root_level - 1)
        return replace(self._step("tdp_iter_next", root_level, level, after), asked_else=FALSE)

    def _goal_again(self) -> BitVec:
        """The frame at which it goes on after it has yielded."""
        return _GOAL

    def start(self, root_level: int) -> TdpStep:
        """See `TdpIterators.start`."""
        goal = var("next_last_level_gfn", 64)
        refused = all_of(ne(_BITS, 0), negate(ult(goal, _BITS)))
        after = replace(self._refreshed(goal, root_level, root_level - 1), goal=goal, valid=negate(refused))
        step = self._step("tdp_iter_start", root_level, root_level, after)
        return replace(step, gfn=goal, goal=goal, asked_else=FALSE)

    def _step(self, function: str, root_level: int, level: int, after: Stand) -> TdpStep:
        return TdpStep(
            function=function,
            level=level,
            root_level=root_level,
            min_level=_MIN_LEVEL,
            gfn_bits=_BITS,
            gfn=_GFN,
            goal=_GOAL,
            child=_HAS_CHILD,
            asked_else=self._asks_else(level),
            after=after,
            evidence=Evidence(),
        )

    def _asks_else(self, _level: int) -> Bool:
        """Whether it asks for a child with anything but what it has just read."""
        return FALSE


def _only(which: int) -> tuple[Bool, ...]:
    return tuple(boolean(table == which) for table in range(LEVELS + 1))
