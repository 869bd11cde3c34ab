"""What Linux 7.2.13 does about guest page tables that it shadows."""

from __future__ import annotations

from mmuproof.lift.machine.findings import numbered
from mmuproof.model.evidence import Evidence
from mmuproof.model.guest_tables import (
    HUGEST,
    FrameProtected,
    GuestTables,
    HugeAllowed,
    Shadowing,
    TableAccounted,
    TableUnsynced,
    WritesTracked,
)
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_value
from mmuproof.model.reference.base.listed_page import AT_PAGE, listed_page
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bool_var,
    boolean,
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

_COUNTED = any_of(ne(var("kvm->arch.shadow_root_allocated", 1), 0), eq(var("tdp_enabled", 1), 0))
_OTHER_SPACE = eq(var("kvm->arch.has_private_mem", 1), 0)
_OTHER_SLOT = bool_var("the other address space has a slot")
_SPACE, _OWN, _OTHER = (
    zext(var("slot->as_id", 16), 32),
    var("counts of the slot[3]", 16),
    var("counts of the other slot[3]", 16),
)
_MOST = 0xFFFF
_REFUSED, _EXISTS = -1 & 0xFFFFFFFF, -17 & 0xFFFFFFFF


class ReferenceGuestTables(ReferenceArea, GuestTables):
    """``account_shadowed()``, ``mmu_try_to_unsync_pages()`` and what they need."""

    def accounted(self, shadowing: Shadowing) -> TableAccounted:
        """See `GuestTables.accounted`."""
        begins = shadowing is Shadowing.BEGINS
        level = zext(role_value(var("sp->role", PAGE_ROLE_BITS), "level"), 32)
        pages, change = var("kvm->arch.indirect_shadow_pages", 32), 1 if begins else -1
        upper = self._is_counted(level)
        writers = zext(_OWN, 32) + change
        fits = negate(any_of(slt(writers, bv(0, 32)), slt(bv(_MOST, 32), writers)))
        counted = all_of(upper, _COUNTED)
        done = any_of(counted, negate(upper))
        stale = any_of(all_of(counted, ne(self._protected(1), 0)), all_of(negate(upper), ne(self._protected(2), 0)))
        return TableAccounted(
            function=shadowing.value,
            begins=begins,
            level=level,
            in_slot=TRUE,
            writes_counted=_COUNTED,
            pages_before=pages,
            pages_after=pages + change,
            writers_before=_OWN,
            writers_after=ite(all_of(counted, fits), _OWN + change, _OWN),
            forbidden=all_of(boolean(begins), done),
            allowed=all_of(boolean(not begins), self._allows(done, upper)),
            protects=all_of(boolean(begins), done),
            stale=all_of(boolean(begins), stale),
            other_slot=all_of(_OTHER_SPACE, _OTHER_SLOT),
            protects_elsewhere=FALSE,
            flushed=all_of(boolean(begins), self._flushes(stale, upper)),
            evidence=Evidence(),
        )

    @staticmethod
    def _protected(number: int) -> BitVec:
        return var(numbered("kvm_mmu_slot_gfn_write_protect()", number), 1)

    def _is_counted(self, level: BitVec) -> Bool:
        """Whether it is counted that somebody wants to know of writes to a table of a level."""
        return ult(bv(1, 32), level)

    def _allows(self, done: Bool, _upper: Bool) -> Bool:
        """Whether huge pages are forbidden once less."""
        return done

    def _flushes(self, stale: Bool, _upper: Bool) -> Bool:
        """Whether there is a flush, where some SPTE has lost its permission."""
        return stale

    def tracked(self) -> WritesTracked:
        """See `GuestTables.tracked`."""
        return WritesTracked(
            function="kvm_gfn_is_write_tracked",
            writes_counted=_COUNTED,
            has_other_space=_OTHER_SPACE,
            space=_SPACE,
            own=_OWN,
            other_slot=_OTHER_SLOT,
            other=_OTHER,
            asked=TRUE,
            answer=all_of(_COUNTED, any_of(ne(_OWN, 0), self._writers(ne(_OTHER, 0)))),
            evidence=Evidence(),
        )

    def _writers(self, wanted: Bool) -> Bool:
        """Whether the other address space wants to know of writes."""
        return all_of(_OTHER_SPACE, _OTHER_SLOT, wanted)

    def _forbidden(self, counted: Bool) -> Bool:
        """Whether the other address space forbids huge pages."""
        return all_of(_OTHER_SPACE, _OTHER_SLOT, counted)

    def huge_allowed(self) -> HugeAllowed | None:
        """See `GuestTables.huge_allowed`."""
        own, other = (var(f"{name}->disallow_lpage", 32) for name in ("info", "other info"))
        return HugeAllowed(
            function="kvm_gfn_is_lpage_allowed",
            has_other_space=_OTHER_SPACE,
            space=_SPACE,
            own=own,
            other_slot=_OTHER_SLOT,
            other=other,
            asked=TRUE,
            answer=all_of(eq(own, 0), negate(self._forbidden(ne(other, 0)))),
            evidence=Evidence(),
        )

    def unsynced(self) -> TableUnsynced:
        """See `GuestTables.unsynced`."""
        tracked, huge = (
            ne(var(f"{name}()", 1), 0) for name in ("kvm_gfn_is_write_tracked", "kvm_gfn_is_lpage_allowed")
        )
        synchronizing, prefetch = (ne(var(name, 8) & 1, 0) for name in ("synchronizing", "prefetch"))
        looks = all_of(negate(tracked), negate(huge))
        page = listed_page(var("gfn", 64))
        unsync = ne(var(AT_PAGE.format("unsync"), 1), 0)
        shadows = all_of(looks, page.shadows)
        refused = all_of(shadows, synchronizing)
        exists = all_of(shadows, negate(refused), negate(unsync), self._only_written(prefetch))
        marks = all_of(shadows, negate(refused), negate(exists), negate(unsync))
        answer = ite(exists, bv(_EXISTS, 32), ite(any_of(tracked, refused), bv(_REFUSED, 32), bv(0, 32)))
        return TableUnsynced(
            function="mmu_try_to_unsync_pages",
            tracked=tracked,
            asked=TRUE,
            huge_allowed=all_of(negate(tracked), huge),
            synchronizing=synchronizing,
            prefetch=prefetch,
            page=page,
            unsync=unsync,
            goes_on=all_of(looks, page.there, negate(any_of(refused, exists))),
            unsync_after=any_of(unsync, self._marked(marks)),
            parents_told=marks,
            answer=answer,
            evidence=Evidence(),
        )

    def _only_written(self, prefetch: Bool) -> Bool:
        """Whether a page stays in sync because nobody has written yet."""
        return prefetch

    def _marked(self, marks: Bool) -> Bool:
        """Whether a page is marked."""
        return marks

    def protected(self, min_level: int) -> FrameProtected:
        """See `GuestTables.protected`."""
        shadowed, tdp_mmu = ne(var("kvm_memslots_have_rmaps()", 1), 0), ne(var("tdp_mmu_enabled", 1), 0)
        tdp_had = ne(var("kvm_tdp_mmu_write_protect_gfn()", 1), 0)
        from_level = self._from(min_level)
        done = all_of(shadowed, self._is_for_tables())
        levels = tuple(done if level >= from_level else FALSE for level in range(1, HUGEST + 1))
        had = tuple(
            all_of(here, ne(var(numbered("rmap_write_protect()", max(level - from_level + 1, 1)), 1), 0))
            for level, here in enumerate(levels, 1)
        )
        return FrameProtected(
            function="kvm_mmu_slot_gfn_write_protect",
            min_level=min_level,
            shadowed=shadowed,
            tdp_mmu=tdp_mmu,
            levels=levels,
            had=had,
            tdp=tdp_mmu,
            tdp_had=tdp_had,
            answer=self._told(any_of(*had), all_of(tdp_mmu, tdp_had), tdp_mmu),
            evidence=Evidence(),
        )

    def _from(self, min_level: int) -> int:
        """The first level that is looked at."""
        return min_level

    def _is_for_tables(self) -> Bool:
        """Whether SPTEs lose what says that they may be made writable again without the lock."""
        return TRUE

    def _told(self, shadow: Bool, tdp: Bool, _tdp_mmu: Bool) -> Bool:
        """What is told, by what both MMUs say."""
        return any_of(shadow, tdp)
