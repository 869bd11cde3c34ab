"""What Linux 7.2.13 does to each entry of a page of the shadow MMU."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.page_entries import EntryReached, EntrySynced, EntryTaken, PageEntries, PageSynced, Sweep
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_value
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.model.stores import ENTRIES, LOOKED_AT
from mmuproof.smt.terms import (
    FALSE,
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

_ENTRY, _ROLE, _CHILD = var("*spte", 64), var("sp->role", PAGE_ROLE_BITS), var("child->role", PAGE_ROLE_BITS)
_MMIO, _ROUNDS = bool_var("the entry is an MMIO SPTE"), "after some rounds"


class ReferencePageEntries(ReferenceArea, PageEntries):
    """``mmu_page_zap_pte()``, ``kvm_sync_spte()``, and what calls them.

    Args:
        constants: the kernel's numbers.
        sptes: the predicates.
    """

    def __init__(self, constants: Constants | None = None, sptes: ReferenceSptes | None = None) -> None:
        super().__init__(constants)
        self._sptes = sptes or ReferenceSptes(self.constants)

    @property
    def by_entry(self) -> bool:
        """See `PageEntries.by_entry`."""
        return True

    def taken(self) -> EntryTaken:
        """See `PageEntries.taken`."""
        level = zext(role_value(_ROLE, "level"), 32)
        present = self._sptes.is_shadow_present_pte(_ENTRY)
        leaf = self._sptes.is_last_spte(_ENTRY, level)
        unlinked = all_of(present, negate(leaf))
        gives_up = all_of(
            unlinked,
            bit(var("tdp_enabled", 1), 0),
            eq(role_value(_CHILD, "guest_mode"), 1),
            eq(var("child->root_count", 32), 0),
            eq(var("child->parent_ptes after drop_parent_pte()", 64), 0),
        )
        gave_up = zext(var("kvm_mmu_prepare_zap_page()", 1), 32)
        return EntryTaken(
            entry=_ENTRY,
            level=level,
            mmio=_MMIO,
            dropped=all_of(present, leaf),
            unlinked=self._unlinks(unlinked),
            cleared=all_of(negate(present), self._clears(_MMIO)),
            elsewhere=FALSE,
            gives_up=gives_up,
            gave_up=gave_up,
            says=ite(gives_up, self._told(gave_up), bv(0, 32)),
            evidence=Evidence(),
        )

    def _unlinks(self, leads_on: Bool) -> Bool:
        """Whether the page below is told that it has a parent less."""
        return leads_on

    def _clears(self, mmio: Bool) -> Bool:
        """Whether an entry that is not present is cleared."""
        return mmio

    def _told(self, gave_up: BitVec) -> BitVec:
        """What is said of pages that were given up below."""
        return gave_up

    def _synced_until(self) -> int:
        """The first number of an entry that is not synchronized."""
        return ENTRIES

    def reached(self, sweep: Sweep) -> EntryReached:
        """See `PageEntries.reached`."""
        number, total = var(f"i {_ROUNDS}", 32), self._total(sweep)
        if sweep is Sweep.EMPTY:
            here, found = ult(number, ENTRIES), var("mmu_page_zap_pte()", 32)
            refused, goes_on, after = FALSE, here, total + found
            says = total
        else:
            passes = bit(var("kvm_sync_page_check()", 1), 0)
            here, found = all_of(passes, slt(number, bv(self._synced_until(), 32))), var("kvm_sync_spte()", 32)
            refused, fails = negate(passes), slt(found, bv(-1, 32))
            goes_on, after = all_of(here, negate(fails)), self._kept(total, found)
            says = ite(any_of(refused, all_of(here, fails)), bv(-1, 32), total)
        return EntryReached(
            first=self._first(),
            begins_with=bv(0, 32),
            number=number,
            before=total,
            asks=here,
            own_entry=TRUE,
            found=found,
            goes_on=goes_on,
            following=number + 1,
            after=after,
            refused=refused,
            says=says,
            evidence=Evidence(),
        )

    def _total(self, sweep: Sweep) -> BitVec:
        return var(f"{'zapped' if sweep is Sweep.EMPTY else 'flush'} {_ROUNDS}", 32)

    def _first(self) -> BitVec:
        """The entry with which it begins."""
        return bv(0, 32)

    def _kept(self, total: BitVec, found: BitVec) -> BitVec:
        """What is known after an entry has been synchronized."""
        return total | found

    def synced(self) -> EntrySynced:
        """See `PageEntries.synced`."""
        entry, found = var(f"sp->spt[{LOOKED_AT}]", 64), var("sync_spte()", 32)
        asks = self._syncs(entry)
        return EntrySynced(
            entry=entry, asks=asks, own_entry=TRUE, found=found, says=ite(asks, found, bv(0, 32)), evidence=Evidence()
        )

    def _syncs(self, entry: BitVec) -> Bool:
        """Whether there is anything in an entry."""
        return ne(entry, self.constants.SHADOW_NONPRESENT_VALUE)

    def page_synced(self) -> PageSynced:
        """See `PageEntries.page_synced`."""
        found = var("__kvm_sync_page()", 32)
        return PageSynced(found=found, gives_up=self._gives_up(found), says=found, evidence=Evidence())

    def _gives_up(self, found: BitVec) -> Bool:
        """Whether a page is given up by what came of it."""
        return slt(found, bv(0, 32))
