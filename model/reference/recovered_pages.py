"""What Linux 7.2.13 does about tables of small pages that become huge pages."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.recovered_pages import HugeSpteMade, RecoveredPages, ReplacedTable
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.range_rounds import ReferenceRangeRounds
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bit, bv, ne, negate, resize, ult, var

_ROUNDS = "after some rounds"
_ABOVE, _LEVEL = var("parent->level", 32), var(f"iter.level {_ROUNDS}", 32)
_SPTE, _GFN = var(f"iter.old_spte {_ROUNDS}", 64), var(f"iter.gfn {_ROUNDS}", 64)
_LEVEL_BITS, _PAGE_SHIFT = 9, 12


class ReferenceRecoveredPages(ReferenceArea, RecoveredPages):
    """``tdp_mmu_make_huge_spte()`` and ``recover_huge_pages_range()``.

    Args:
        constants: the kernel's numbers.
    """

    def __init__(self, constants: Constants | None = None) -> None:
        super().__init__(constants)
        self._sptes, self._rounds = ReferenceSptes(self.constants), ReferenceRangeRounds(self.constants)

    def made(self) -> HugeSpteMade:
        """See `RecoveredPages.made`."""
        pages = (bv(1, 64) << resize(_PAGE_SHIFT + (_ABOVE - 1) * _LEVEL_BITS, 64)) >> _PAGE_SHIFT
        in_range = all_of(bit(var(f"iter.valid {_ROUNDS}", 1), 0), ult(_GFN, var("parent->gfn", 64) + pages))
        leaf = all_of(in_range, self._sptes.is_shadow_present_pte(_SPTE), self._is_small_page())
        made = all_of(leaf, negate(bit(var("tdp_mmu_iter_need_resched()", 1), 0)))
        return HugeSpteMade(
            begins_there=TRUE,
            in_range=in_range,
            level=_LEVEL,
            spte=_SPTE,
            above_level=_ABOVE,
            made=made,
            of_spte=_SPTE,
            of_level=self._level(_ABOVE, _LEVEL),
            stored=TRUE,
            goes_on=all_of(in_range, negate(leaf)),
            succeeds=made,
            evidence=Evidence(),
        )

    def _is_small_page(self) -> Bool:
        """Whether an entry that is present maps a page."""
        return self._sptes.is_last_spte(_SPTE, _LEVEL)

    def _level(self, above: BitVec, _level: BitVec) -> BitVec:
        """For which level a huge SPTE is made, by the levels of the entry above and of the small page."""
        return above

    def replaced(self) -> ReplacedTable:
        """See `RecoveredPages.replaced`."""
        entry = self._rounds.recover().entry
        due = ne(var(f"flush {_ROUNDS}", 1), 0)
        replaced = all_of(entry.changes, negate(entry.failed))
        return ReplacedTable(
            yielded=entry.yielded,
            told=self._told(due),
            replaced=replaced,
            due=due,
            goes_on=entry.goes_on,
            due_after=all_of(negate(entry.yielded), any_of(due, replaced)),
            ends=all_of(entry.enters, negate(entry.goes_on), negate(entry.again)),
            flushed=all_of(entry.enters, due, self._flushes()),
            evidence=Evidence(),
        )

    def _told(self, due: Bool) -> Bool:
        """Whether others are let in only after a flush."""
        return due

    def _flushes(self) -> Bool:
        """Whether what is due is done at the end, before tables may be freed."""
        return TRUE
