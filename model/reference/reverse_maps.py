"""What Linux 7.2.13 keeps of SPTEs beside them."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag, role_value
from mmuproof.model.reverse_maps import (
    CollapseRound,
    ListRound,
    MappingNoted,
    ReverseMaps,
    SpteListed,
    SpteUnlisted,
    TranslationNoted,
)
from mmuproof.model.stores import LOOKED_AT
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
    extract,
    ite,
    ne,
    negate,
    slt,
    ule,
    ult,
    var,
    zext,
)

_ROLE = var("sp->role", PAGE_ROLE_BITS)
_LEVEL = zext(role_value(_ROLE, "level"), 32)
_GFN, _PFN, _NO_SLOT = var("gfn", 64), var("pfn", 64), 1 << 63
_ENTRY, _LONGEST = var(f"table[{LOOKED_AT}]", 64), 1000
_ACCESS_BITS, _WRITABLE, _LARGE = 0xF, 1, 7
_LISTED = "*sptep after some rounds after some rounds"


class ReferenceReverseMaps(ReferenceArea, ReverseMaps):
    """``kvm_mmu_page_set_translation()``, ``rmap_add()``, ``drop_spte()`` and the like."""

    def noted(self) -> TranslationNoted:
        """See `ReverseMaps.noted`."""
        access, through = var("access", 32), role_flag(_ROLE, "passthrough")
        word = (_GFN << 12) | zext(self._noted_access(access), 64)
        return TranslationNoted(
            shadows=negate(any_of(role_flag(_ROLE, "direct"), through)),
            gfn=_GFN,
            access=access,
            gfn_after=ite(through, var("sp->gfn", 64), word >> 12),
            access_after=extract(word, 31, 0) & _ACCESS_BITS,
            beside=FALSE,
            evidence=Evidence(),
        )

    def _noted_access(self, access: BitVec) -> BitVec:
        """What is noted of what the guest's entry grants."""
        return access

    def _is_present(self, entry: BitVec) -> Bool:
        return ne(entry & self.constants.SPTE_MMU_PRESENT_MASK, 0)

    def mapped(self) -> MappingNoted:
        """See `ReverseMaps.mapped`."""
        present, leaf = self._is_present(_ENTRY), any_of(eq(_LEVEL, 1), bit(_ENTRY, _LARGE))
        same = eq((_ENTRY & self.constants.SPTE_BASE_ADDR_MASK) >> self.constants.PAGE_SHIFT, _PFN)
        ahead = any_of(bool_var("fault == NULL"), bit(var("fault->prefetch", 1), 0))
        spurious = all_of(present, ahead, leaf, same)
        makes = all_of(negate(spurious), ne(_PFN, _NO_SLOT))
        # A table that is replaced may be at level 1 by no walk, and is told by the level.
        table = all_of(ult(bv(1, 32), _LEVEL), negate(bit(_ENTRY, _LARGE)))
        stays = all_of(present, negate(table), same)
        return MappingNoted(
            level=_LEVEL,
            makes=makes,
            kept=all_of(present, leaf, same),
            added=all_of(makes, negate(stays)),
            renoted=all_of(makes, stays, self._renotes()),
            otherwise=FALSE,
            evidence=Evidence(),
        )

    def _renotes(self) -> Bool:
        """Whether what the guest grants is noted anew of a page that is mapped already."""
        return TRUE

    def added(self) -> SpteListed:
        """See `ReverseMaps.added`."""
        too_long = slt(bv(_LONGEST, 32), var("pte_list_add()", 32))
        return SpteListed(
            level=_LEVEL,
            noted=TRUE,
            listed=self._lists(),
            dropped=too_long,
            flushed=self._flushes(too_long),
            evidence=Evidence(),
        )

    def _lists(self) -> Bool:
        """Whether an entry is put on the list of its frame at its level."""
        return TRUE

    def _flushes(self, dropped: Bool) -> Bool:
        """Whether a frame is flushed of which all that maps it was taken away."""
        return dropped

    def dropped(self) -> SpteUnlisted:
        """See `ReverseMaps.dropped`."""
        present = self._is_present(_ENTRY)
        off = all_of(present, self._unlists())
        return SpteUnlisted(present=present, emptied=TRUE, unlisted=off, asked=off, evidence=Evidence())

    def _unlists(self) -> Bool:
        """Whether an entry that is taken away is taken off its list."""
        return TRUE

    def write_protected(self) -> ListRound:
        """See `ReverseMaps.write_protected`."""
        due, owes = self._due(), ne(var("spte_write_protect()", 1), 0)
        return self._list_round(self._listed(), self._protects_as_asked(), owes, self._due_after(due, owes))

    def dirty_cleared(self) -> ListRound:
        """See `ReverseMaps.dirty_cleared`."""
        by_writes = ne(var("spte_ad_need_write_protect()", 1), 0)
        owes = ite(by_writes, bit(var(_LISTED, 64), _WRITABLE), ne(var("spte_clear_dirty()", 1), 0))
        changes = all_of(self._listed(), self._clears(by_writes))
        return self._list_round(changes, TRUE, owes, self._due_when_cleared(self._due(), owes))

    @staticmethod
    def _due() -> Bool:
        """Whether a flush is due before an SPTE of a list is looked at."""
        return ne(var("flush after some rounds", 1), 0)

    def _listed(self) -> Bool:
        """Whether there is an SPTE."""
        return all_of(negate(bool_var("sptep after some rounds == NULL")), self._is_present(var(_LISTED, 64)))

    def _list_round(self, changes: Bool, as_asked: Bool, owes: Bool, due_after: Bool) -> ListRound:
        return ListRound(
            here=self._listed(),
            changes=changes,
            as_asked=as_asked,
            owes=owes,
            due=self._due(),
            due_after=due_after,
            answer=TRUE,
            evidence=Evidence(),
        )

    def _clears(self, _by_writes: Bool) -> Bool:
        """Whether it is noticed anew that a page is written, by faults or by the dirty flag."""
        return TRUE

    def _due_when_cleared(self, due: Bool, owes: Bool) -> Bool:
        """As `_due_after`, for an SPTE of which it is to be noticed anew."""
        return any_of(due, owes)

    def _protects_as_asked(self) -> Bool:
        """Whether SPTEs are write-protected as they are to be."""
        return TRUE

    def _due_after(self, due: Bool, owes: Bool) -> Bool:
        """Whether a flush is due after an SPTE, by whether it was before, and whether this one owes it."""
        return any_of(due, owes)

    def collapsed(self) -> CollapseRound:
        """See `ReverseMaps.collapsed`."""
        here = self._listed()
        gfn, base, pages = var("sp->gfn", 64), var("slot->base_gfn", 64), var("slot->npages", 64)
        direct, largest = role_flag(_ROLE, "direct"), var("kvm_mmu_max_mapping_level()", 32)
        asked = all_of(here, direct, self._of_slot(gfn, base), ult(gfn, base + pages))
        dropped = all_of(asked, slt(_LEVEL, largest))
        at_once = ne(var("kvm_available_flush_remote_tlbs_range()", 1), 0)
        return CollapseRound(
            here=here,
            direct=direct,
            gfn=gfn,
            base=base,
            pages=pages,
            level=_LEVEL,
            asked=asked,
            asked_right=asked,
            max_level=largest,
            dropped=dropped,
            flushed=all_of(dropped, at_once),
            due=all_of(dropped, negate(at_once)),
            restarts=self._restarts(dropped),
            evidence=Evidence(),
        )

    def _restarts(self, dropped: Bool) -> Bool:
        """Whether a list is gone through again from which an SPTE was taken."""
        return dropped

    def _of_slot(self, gfn: BitVec, base: BitVec) -> Bool:
        """Whether a frame is one that the slot may have, by its first."""
        return ule(base, gfn)
