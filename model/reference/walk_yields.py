"""How a walk of Linux 7.2.13's TDP MMU lets others in."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.walk_yields import WalkYielded, WalkYields
from mmuproof.smt.terms import TRUE, Bool, all_of, any_of, ne, var

_NEXT, _YIELDED_AT = var("iter->next_last_level_gfn", 64), var("iter->yielded_gfn", 64)


class ReferenceWalkYields(ReferenceArea, WalkYields):
    """``tdp_mmu_iter_cond_resched()``."""

    def at_entry(self) -> WalkYielded:
        """See `WalkYields.at_entry`."""
        waits = any_of(ne(var("need_resched()", 1), 0), ne(var("rwlock_needbreak()", 32), 0))
        lets_in, due = all_of(waits, ne(_NEXT, _YIELDED_AT)), ne(var("flush", 8) & 1, 0)
        return WalkYielded(
            due=due,
            frees=lets_in,
            lets_in=lets_in,
            flushed=all_of(lets_in, due, self._is_flushed(ne(var("shared", 8) & 1, 0))),
            answers=lets_in,
            noted=self._notes(lets_in),
            evidence=Evidence(),
        )

    def _is_flushed(self, _shared: Bool) -> Bool:
        """Whether what is due is done before others are let in, by whether the lock is shared."""
        return TRUE

    def _notes(self, lets_in: Bool) -> Bool:
        """Whether the walk knows that others have been in."""
        return lets_in
