"""What Linux 7.2.13 does before it frees pages of SPTEs."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.freed_pages import FreedPages, PagesFreed
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import TRUE, Bool, boolean, implies


class ReferenceFreedPages(ReferenceArea, FreedPages):
    """``kvm_mmu_commit_zap_page()``."""

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
