"""Which lists of SPTEs Linux 7.2.13 goes through to age them."""

from __future__ import annotations

from mmuproof.model.aged_lists import AgedList, AgedLists, ListsAged
from mmuproof.model.evidence import Evidence
from mmuproof.model.huge_pages import HUGEST
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import TRUE, Bool


class ReferenceAgedLists(ReferenceArea, AgedLists):
    """``kvm_rmap_age_gfn_range()``."""

    def aged(self) -> ListsAged:
        """See `AgedLists.aged`."""
        lists = (
            AgedList(level=level, sought=TRUE, locked=TRUE, walked=self._is_walked(), unlocked=self._is_unlocked())
            for level in range(1, HUGEST + 1)
        )
        return ListsAged(lists=tuple(lists), evidence=Evidence())

    def _is_walked(self) -> Bool:
        """Whether what is gone through is what the lock has told."""
        return TRUE

    def _is_unlocked(self) -> Bool:
        """Whether a list may change again afterwards."""
        return TRUE
