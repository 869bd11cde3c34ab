"""How entries come and go in Linux 7.2.13 that lead to pages, or are on lists."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.parent_links import EntryGoes, EntryTakenAway, ParentLinks, ParentNoted, ParentsRound
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import TRUE, Bool, bool_var, negate

_THERE = negate(bool_var("rmap_get_first() finds none"))


class ReferenceParentLinks(ReferenceArea, ParentLinks):
    """``mmu_page_add_parent_pte()``, ``kvm_mmu_unlink_parents()`` and the like."""

    def noted(self) -> ParentNoted:
        """See `ParentLinks.noted`."""
        some = negate(bool_var("parent_pte == NULL"))
        return ParentNoted(some=some, listed=self._lists(some), evidence=Evidence())

    def _lists(self, some: Bool) -> Bool:
        """Whether an entry is put on a page's list, by whether there is one."""
        return some

    def parents_gone(self) -> ParentsRound:
        """See `ParentLinks.parents_gone`."""
        return ParentsRound(
            there=_THERE, of_page=TRUE, taken_away=_THERE, goes_on=self._looks_on(_THERE), evidence=Evidence()
        )

    def _looks_on(self, found: Bool) -> Bool:
        """Whether it is looked for another entry, by whether one has been found."""
        return found

    def taken_away(self, which: EntryGoes) -> EntryTakenAway:
        """See `ParentLinks.taken_away`."""
        return EntryTakenAway(emptied=self._empties(which), unlisted=self._unlists(which), evidence=Evidence())

    def _empties(self, _which: EntryGoes) -> Bool:
        """Whether an entry is emptied."""
        return TRUE

    def _unlists(self, _which: EntryGoes) -> Bool:
        """Whether an entry is taken off its list."""
        return TRUE
