"""What the TDP MMU of Linux 7.2.13 does about a table that is taken out of the tree."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_value
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.model.removed_tables import ChangeHandled, EntryRemoved, PageUnlinked, RemovedTables
from mmuproof.model.stores import ENTRIES
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bit, bv, eq, ite, ne, negate, slt, var, zext

_SHARED, _FRAME_BITS, _INDEX_BITS = bit(var("shared", 8), 0), (1 << 52) - (1 << 12), 9


class ReferenceRemovedTables(ReferenceArea, RemovedTables):
    """``__handle_changed_spte()``, ``handle_removed_pt()`` and ``tdp_mmu_unlink_sp()``.

    Args:
        constants: the kernel's numbers.
        sptes: the predicates.
    """

    def __init__(self, constants: Constants | None = None, sptes: ReferenceSptes | None = None) -> None:
        super().__init__(constants)
        self._sptes = sptes or ReferenceSptes(self.constants)

    def changed(self) -> ChangeHandled:
        """See `RemovedTables.changed`."""
        old, new, level = var("old_spte", 64), var("new_spte", 64), var("level", 32)
        was_present, is_present = map(self._sptes.is_shadow_present_pte, (old, new))
        was_leaf = all_of(was_present, self._sptes.is_last_spte(old, level))
        is_leaf = all_of(is_present, self._sptes.is_last_spte(new, level))
        moved = ne((old ^ new) & _FRAME_BITS, 0)
        removes = all_of(
            ne(old, new), was_present, negate(was_leaf), any_of(self._is_replaced(is_leaf), negate(is_present), moved)
        )
        return ChangeHandled(
            function="__handle_changed_spte",
            old=old,
            new=new,
            level=level,
            shared=_SHARED,
            removes=removes,
            child_of=self._parent(old, new),
            child_level=level,
            own_child=TRUE,
            evidence=Evidence(),
        )

    def _is_replaced(self, is_leaf: Bool) -> Bool:
        """Whether a table is taken apart for what replaces it."""
        return is_leaf

    def _parent(self, old: BitVec, _new: BitVec) -> BitVec:
        """The entry whose table is taken apart."""
        return old

    def removed(self) -> EntryRemoved:
        """See `RemovedTables.removed`."""
        frozen, number = bv(self.constants.FROZEN_SPTE, 64), var("i after some rounds", 32)
        level = zext(role_value(var("sp->role", PAGE_ROLE_BITS), "level"), 32)
        gfn = var("sp->gfn", 64)
        looked, exchanged, wrote = (
            var(f"kvm_tdp_mmu_{name}()", 64) for name in ("read_spte", "write_spte_atomic", "write_spte")
        )
        here = slt(number, bv(ENTRIES, 32))
        exchanges, looks = all_of(here, _SHARED), all_of(here, negate(_SHARED))
        writes = all_of(looks, self._sptes.is_shadow_present_pte(looked))
        again = all_of(exchanges, self._tries_again(eq(exchanged, frozen)))
        replaced = ite(exchanges, exchanged, wrote)
        return EntryRemoved(
            shared=_SHARED,
            level=level,
            gfn=gfn,
            first=bv(self._first(), 32),
            number=number,
            goes_on=all_of(here, negate(again)),
            unlinked=TRUE,
            following=number + 1,
            again=again,
            found=ite(looks, looked, bv(0, 64)),
            writes=any_of(exchanges, writes),
            own_entry=TRUE,
            written=frozen,
            replaced=replaced,
            tells=any_of(all_of(exchanges, negate(again)), writes),
            told_rightly=TRUE,
            told_gfn=gfn + self._frames(zext(number, 64), level),
            told_old=replaced,
            told_new=frozen,
            evidence=Evidence(),
        )

    def _first(self) -> int:
        """The first entry that is looked at."""
        return 0

    def _tries_again(self, is_frozen: Bool) -> Bool:
        """Whether an exchange is tried again, of an entry that others are about to change."""
        return is_frozen

    def _frames(self, number: BitVec, level: BitVec) -> BitVec:
        """How many frames the entries before one translate."""
        return number << zext((level - 1) * _INDEX_BITS, 64)

    def unlinked(self) -> PageUnlinked:
        """See `RemovedTables.unlinked`."""
        listed = ne(var("sp->nx_huge_page_disallowed", 1), 0)
        return PageUnlinked(
            listed=listed, shared=TRUE, unlisted=self._is_unlisted(listed), locked=TRUE, evidence=Evidence()
        )

    def _is_unlisted(self, listed: Bool) -> Bool:
        """Whether a page is taken off the list of those that may become huge."""
        return listed
