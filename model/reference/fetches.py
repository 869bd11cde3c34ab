"""How Linux 7.2.13 follows a guest's page tables down with its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mmuproof.lift.machine.findings import numbered
from mmuproof.model.evidence import Evidence
from mmuproof.model.fetches import (
    ChangeLooked,
    ChildFound,
    DirectRound,
    Fetched,
    Fetches,
    GuestRound,
    NotedTable,
    PageLinked,
    PageWanted,
)
from mmuproof.model.map_rounds import Deed, MapRound, MapTail
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import CPU_ROLE_BITS, PAGE_ROLE_BITS, role_value
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.model.roles import Roles
from mmuproof.model.walks import GpteFormat
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
    resize,
    sle,
    var,
    zext,
)

_FIRST, _SECOND, _HUGE = "after some rounds", "after some rounds#2", "after kvm_mmu_hugepage_adjust()"
_GUEST_LEVEL, _PTE_ACCESS = var("gw->level", 32), var("gw->pte_access", 32)
_GFN, _WRITE = var("fault->gfn", 64), bit(var("fault->write", 1), 0)
_WORKAROUND = bit(var("fault->nx_huge_page_workaround_enabled", 1), 0)
_LEVELS = {GpteFormat.EPT: 5, GpteFormat.PAGING64: 5, GpteFormat.PAGING32: 2}
_NOTHING = Deed(when=FALSE, level=bv(0, 32), goal_level=bv(0, 8), spte=bv(0, 64), elsewhere=FALSE, unadjusted=FALSE)
_PAE_LEVELS, _TABLES_OF_PAE, _AHEAD = 3, 2, 8
_PAGE_SIZE = 7


def _answer(function: str, number: int = 1) -> Bool:
    """What a call that is not followed says."""
    return bit(var(numbered(f"{function}()", number), 1), 0)


def _found(number: int) -> Bool:
    return bool_var(f"{numbered('kvm_mmu_get_child_sp()', number)} == -17")


@dataclass(frozen=True)
class _Loop:
    """One of the two loops, by its number: what there is when any round begins."""

    number: int
    rounds: str

    @property
    def level(self) -> BitVec:
        return var(f"it.level {self.rounds}", 32)

    @property
    def okay(self) -> Bool:
        return _answer("shadow_walk_okay", self.number)

    def entry(self, after: str) -> BitVec:
        """What the entry of the walk holds."""
        return var(f"*it.sptep after {numbered('shadow_walk_okay()', self.number)} {after}", 64)

    @property
    def linked(self) -> BitVec:
        """What it holds after a page has been linked."""
        return self.entry(f"after {numbered('link_shadow_page()', self.number)}")


_GUEST, _DIRECT = _Loop(1, _FIRST), _Loop(2, _SECOND)


class ReferenceFetches(ReferenceArea, Fetches):
    """``FNAME(fetch)()``.

    Args:
        constants: the kernel's numbers.
        sptes: the predicates.
        roles: the roles of pages.
    """

    def __init__(self, constants: Constants, sptes: ReferenceSptes, roles: Roles) -> None:
        super().__init__(constants)
        self._sptes, self._roles = sptes, roles

    def fetch(self, gpte_format: GpteFormat) -> Fetched:
        """See `Fetches.fetch`."""
        mmu = f"vcpu->arch.{'guest' if gpte_format is GpteFormat.EPT else 'root'}_mmu"
        levels = zext(role_value(var(f"{mmu}.cpu_role", CPU_ROLE_BITS), "level"), 32)
        changed = f"{gpte_format.value}_gpte_changed"
        top_same = negate(_answer(changed))
        has_root = ne(var(f"{mmu}.root.hpa", 64), -1)
        dummy = _answer("kvm_mmu_is_dummy_root")
        enters = all_of(top_same, has_root, negate(self._turns_back(dummy)))
        name = f"{gpte_format.value}_fetch"
        tables = tuple(
            NotedTable(gfn=var(f"gw->table_gfn[{each}]", 64), access=var(f"gw->pt_access[{each}]", 32))
            for each in range(_LEVELS[gpte_format])
        )
        return Fetched(
            function=name,
            guest_levels=levels,
            guest_level=_GUEST_LEVEL,
            tables=tables,
            pte_access=_PTE_ACCESS,
            gfn=_GFN,
            write=_WRITE,
            guest=replace(
                self._guest(enters, tables, negate(_answer(changed, 2))),
                of_dummy=dummy,
                top_level=self._top_level(levels),
                top_unchanged=top_same,
            ),
            direct=self._direct(enters, name),
            evidence=Evidence(),
        )

    def _turns_back(self, dummy: Bool) -> Bool:
        """Whether nothing is linked, by whether the root is the page of zeros."""
        return dummy

    # -- the page that an entry is to lead to ----------------------------------------------------------

    def child(self) -> ChildFound:
        """See `Fetches.child`."""
        spte, gfn, childs_gfn = var("*sptep", 64), var("gfn", 64), var("child->gfn", 64)
        none, role = bool_var("the entry leads to no page of KVM's"), var("child->role", PAGE_ROLE_BITS)
        wanted = self._roles.child_role(bit(var("direct", 8), 0), var("access", 32))
        present = self._sptes.is_shadow_present_pte(spte)
        leads = all_of(present, negate(bit(spte, _PAGE_SIZE)), negate(none))
        kept = all_of(leads, self._is_for(childs_gfn, gfn), self._is_of(role, wanted.child_role))
        return ChildFound(
            spte=spte,
            has_page=negate(none),
            looks_elsewhere=FALSE,
            gfn=gfn,
            childs_gfn=childs_gfn,
            childs_role=role,
            kept=kept,
            asked=negate(kept),
            asked_gfn=gfn,
            asked_role=wanted.child_role,
            evidence=wanted.evidence,
        )

    def _is_for(self, childs_gfn: BitVec, gfn: BitVec) -> Bool:
        """Whether a page is one for the frame that is wanted."""
        return eq(childs_gfn, gfn)

    def _is_of(self, role: BitVec, wanted: BitVec) -> Bool:
        """Whether a page is one of the role that is wanted."""
        return eq(role, wanted)

    # -- what has changed ------------------------------------------------------------------------------

    def levels(self, gpte_format: GpteFormat) -> int:
        """See `Fetches.levels`."""
        return _LEVELS[gpte_format]

    def changed(self, gpte_format: GpteFormat, level: int) -> ChangeLooked:
        """See `Fetches.changed`."""
        width = 32 if gpte_format is GpteFormat.PAGING32 else 64
        size, read = width // 8, "kvm_vcpu_read_guest_atomic()"
        place = var(f"gw->pte_gpa[{level - 1}]", 64)
        if level == 1:
            first, others = var(f"gw->prefetch_ptes[0] after {read}", width), range(1, _AHEAD)
            found = (first, *(var(f"gw->prefetch_ptes[{each}]", width) for each in others))
            asked = place & -(_AHEAD * size)
        else:
            found, asked = (var(f"curr_pte after {read}", width),), place
        entry = found[0]
        for each in range(1, len(found)):
            entry = ite(eq(self._index((place - asked) & (_AHEAD * size - 1), size), each), found[each], entry)
        noted, failed = var(f"gw->ptes[{level - 1}]", width), ne(var(read, 32), 0)
        trace = Trace(f"{gpte_format.value}_gpte_changed")
        return ChangeLooked(
            function=f"{gpte_format.value}_gpte_changed",
            level=level,
            entry_bytes=size,
            says=any_of(self._is_known(failed), ne(entry, noted)),
            failed=failed,
            asked_gpa=asked,
            found=tuple(resize(each, 64) for each in found),
            pte_gpa=place,
            noted=resize(noted, 64),
            evidence=trace.evidence,
        )

    def _index(self, distance: BitVec, size: int) -> BitVec:
        """Which of the entries that have been read is looked at."""
        return distance >> (size.bit_length() - 1)

    def _is_known(self, failed: Bool) -> Bool:
        """Whether the entry counts as changed because it could not be read."""
        return failed

    # -- how far it goes -------------------------------------------------------------------------------

    def _top_level(self, levels: BitVec) -> BitVec:
        """The level of the guest's topmost entry in memory: PDPTEs are in registers."""
        return ite(eq(levels, _PAE_LEVELS), bv(_TABLES_OF_PAE, 32), levels)

    def _next_level(self, loop: _Loop, spte: BitVec) -> BitVec:
        leads_down = all_of(self._sptes.is_shadow_present_pte(spte), negate(self._sptes.is_last_spte(spte, loop.level)))
        return ite(leads_down, loop.level - 1, bv(0, 32))

    # -- above the guest's last entry ------------------------------------------------------------------

    def _guest(self, enters: Bool, tables: Sequence[NotedTable], same: Bool) -> GuestRound:
        loop, found = _GUEST, _found(1)
        asks = all_of(enters, loop.okay, ne(loop.level, self._last_level()))
        in_step = eq(var(f"kvm_mmu_get_child_sp()->unsync_children {_FIRST}", 64) & 0xFFFF_FFFF, 0)
        done = all_of(self._synchronizes(), negate(found), eq(var("mmu_sync_children()", 32), 0))
        waits = all_of(self._synchronizes(), negate(found), negate(in_step), negate(done))
        goes_on = all_of(asks, negate(waits), any_of(same, negate(self._looks_again())))
        table = _of_level(tables, loop.level - 1).gfn
        earlier = bit(var(f"fault->write_fault_to_shadow_pgtable {_FIRST}", 1), 0)
        return GuestRound(
            enters=enters,
            of_dummy=FALSE,
            top_level=bv(0, 32),
            top_unchanged=FALSE,
            at_end=negate(loop.okay),
            level=loop.level,
            asks=PageWanted(
                when=asks,
                gfn=table,
                access=_of_level(tables, self._level_of_access(loop.level)).access,
                direct=FALSE,
                elsewhere=FALSE,
                found=found,
            ),
            links=PageLinked(when=all_of(goes_on, negate(found)), elsewhere=FALSE, another=FALSE),
            unchanged=self._looks_again(),
            synchronized=any_of(in_step, done),
            goes_on=goes_on,
            next_level=self._next_level(loop, ite(found, loop.entry(_FIRST), loop.linked)),
            of_itself=any_of(all_of(_WRITE, eq(table, _GFN)), earlier),
        )

    def _last_level(self) -> BitVec:
        """The level from which on pages are direct."""
        return _GUEST_LEVEL

    def _level_of_access(self, level: BitVec) -> BitVec:
        """Of which level's table it is what the page may grant."""
        return level - 1

    def _looks_again(self) -> Bool:
        """Whether the guest's entry is looked at again."""
        return TRUE

    def _synchronizes(self) -> Bool:
        """Whether the pages below one are synchronized before it is linked."""
        return TRUE

    # -- from there to the page ------------------------------------------------------------------------

    def _direct(self, enters: Bool, name: str) -> DirectRound:
        loop, found = _DIRECT, _found(2)
        begins = all_of(enters, any_of(negate(_GUEST.okay), eq(_GUEST.level, self._last_level())))
        asked = all_of(begins, loop.okay, _WORKAROUND)
        adjusted = all_of(loop.okay, _WORKAROUND)
        goal = ite(
            adjusted,
            var("fault->goal_level after disallowed_hugepage_adjust()", 8),
            var(f"fault->goal_level {_SECOND}", 8),
        )
        pfn = ite(adjusted, var("fault->pfn after disallowed_hugepage_adjust()", 64), var(f"fault->pfn {_SECOND}", 64))
        at_goal = eq(loop.level, zext(goal, 32))
        frame = _GFN & -(bv(1, 64) << zext((loop.level - 1) * 9, 64))
        asks = all_of(begins, loop.okay, negate(at_goal))
        links = all_of(asks, negate(found))
        before, validated = loop.entry(_SECOND), loop.entry("after validate_direct_spte()")
        maps = Deed(
            when=all_of(begins, at_goal),
            level=loop.level,
            goal_level=goal,
            spte=before,
            elsewhere=ne(ite(loop.okay, frame, var(f"base_gfn {_SECOND}", 64)), frame),
            unadjusted=negate(asked),
        )
        linked = Deed(
            when=links,
            level=loop.level,
            goal_level=goal,
            spte=validated,
            elsewhere=FALSE,
            unadjusted=negate(all_of(asked, eq(before, validated))),
        )
        spte = ite(found, validated, loop.linked)
        disallowed, wanted = (
            bit(var(f"fault->huge_page_disallowed {_HUGE}", 1), 0),
            var(f"fault->req_level {_HUGE}", 8),
        )
        return DirectRound(
            enters=begins,
            first_level=_GUEST.level,
            adjusted=self._adjusts(),
            level=loop.level,
            map=MapRound(
                function=name,
                workaround=_WORKAROUND,
                another_fault=FALSE,
                at_end=negate(loop.okay),
                maps=maps,
                links=linked,
                splits=_NOTHING,
                fails=FALSE,
                goes_on=asks,
                has_table=any_of(found, links),
                spte=spte,
                tail=self._tail(),
                evidence=Evidence(),
            ),
            asks=PageWanted(when=asks, gfn=frame, access=self._access(), direct=TRUE, elsewhere=FALSE, found=found),
            links=PageLinked(when=links, elsewhere=FALSE, another=FALSE),
            next_level=self._next_level(loop, spte),
            refused=all_of(links, disallowed),
            may_recover=all_of(links, disallowed, self._was_wanted(sle(loop.level, zext(wanted, 32)))),
            disallowed=disallowed,
            wanted_level=wanted,
            leaf_access=_PTE_ACCESS,
            leaf_pfn=pfn,
            leaf_elsewhere=FALSE,
            pfn=pfn,
        )

    def _tail(self) -> MapTail:
        """What is done around the loop."""
        return MapTail(
            begins_elsewhere=FALSE,
            another_page=FALSE,
            strays=FALSE,
            answers_otherwise=FALSE,
            changed_after=FALSE,
            refusal_unnoted=FALSE,
            unprepared=FALSE,
        )

    def _adjusts(self) -> Bool:
        """Whether it is decided how large the page may be after the pages above it have been linked."""
        return TRUE

    def _access(self) -> BitVec:
        """What direct pages may grant."""
        return _PTE_ACCESS

    def _was_wanted(self, wanted: Bool) -> Bool:
        """Whether the page stands in the way of a huge page."""
        return wanted


def _of_level(tables: Sequence[NotedTable], level: BitVec) -> NotedTable:
    """What is noted of the table of a level."""
    gfn, access = tables[0].gfn, tables[0].access
    for each, table in enumerate(tables[1:], 2):
        at = eq(level, each)
        gfn, access = ite(at, table.gfn, gfn), ite(at, table.access, access)
    return NotedTable(gfn=gfn, access=access)
