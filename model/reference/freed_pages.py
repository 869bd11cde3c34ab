"""What Linux 7.2.13 does before it frees pages of SPTEs, or gives up a lock."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.freed_pages import FreedPages, PagesFreed, WayGiven
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import TRUE, Bool, all_of, any_of, boolean, implies, ne, var

_NOTED = ne(var("iter->yielded", 1), 0)


class ReferenceFreedPages(ReferenceArea, FreedPages):
    """``kvm_mmu_commit_zap_page()``, ``tdp_mmu_iter_cond_resched()``."""

    def committed(self, pages: int) -> PagesFreed:
        """See `FreedPages.committed`."""
        return PagesFreed(
            pages=pages,
            freed=(TRUE,) * pages,
            flushed=implies(boolean(pages > 0), self._flushes_first()),
            anything=boolean(pages > 0),
            evidence=Evidence(),
        )

    def _flushes_first(self) -> Bool:
        """Whether TLBs are flushed before the first page is freed."""
        return TRUE

    def gives_way(self) -> WayGiven:
        """See `FreedPages.gives_way`."""
        due, shared = ne(var("flush", 8) & 1, 0), ne(var("shared", 8) & 1, 0)
        asked = any_of(ne(var("need_resched()", 1), 0), ne(var("rwlock_needbreak()", 32), 0))
        gives = all_of(asked, ne(var("iter->next_last_level_gfn", 64), var("iter->yielded_gfn", 64)))
        return WayGiven(
            due=due,
            shared=shared,
            gives_way=gives,
            as_held=TRUE,
            flushed=implies(gives, self._flushes(due)),
            unprotected=gives,
            noted_before=_NOTED,
            noted=any_of(_NOTED, all_of(gives, self._notes())),
            answer=self._answer(gives),
            evidence=Evidence(),
        )

    def _flushes(self, due: Bool) -> Bool:
        """Whether TLBs are flushed before the lock is given up, by whether that is due."""
        return due

    def _notes(self) -> Bool:
        """Whether a walk that has given way notes it."""
        return TRUE

    def _answer(self, gives: Bool) -> Bool:
        """What is answered, by whether the lock was given up."""
        return gives
