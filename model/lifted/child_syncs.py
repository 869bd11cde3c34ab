"""How a lifted tree synchronizes what is below a page of SPTEs, and gives it up: ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade, RoundMade
from mmuproof.lift.machine.memory import Object, ObjectKind, Value, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.child_syncs import ChildrenSynced, ChildrenZapped, ChildSyncs, SearchBegun, UnsyncRound
from mmuproof.model.cuts import child_syncs as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import (
    answered_last,
    any_before,
    is_called,
    is_given,
    is_nonzero,
    is_request,
    numbers_given,
)
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.entry_bench import page_table
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.lifted.variables import FLAG, NUMBER, leads_to, variable_like, variable_of
from mmuproof.model.named import (
    functions,
    kvm_mmu_page,
    kvm_vcpu,
    kvm_vm,
    list_heads,
    mmu_pages,
    page_role,
    vcpu_requests,
)
from mmuproof.model.stores import LOOKED_AT
from mmuproof.smt.terms import (
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bv,
    eq,
    iff,
    implies,
    ite,
    ne,
    negate,
    resize,
    slt,
    ule,
    var,
    zext,
)

_SEARCHES, _SYNCS = functions.INNER_MMU_UNSYNC_WALK, functions.MMU_SYNC_CHILDREN
_BEGINS, _ZAPS = functions.MMU_UNSYNC_WALK, functions.MMU_ZAP_UNSYNC_CHILDREN
_ROOM, _NO_ENTRY = 16, 0xFFFFFFFF
_PRESENT, _LARGE = "SPTE_MMU_PRESENT_MASK", 7


class LiftedChildSyncs(ChildSyncs, Remembers):
    """How a lifted tree synchronizes.

    Args:
        unit: ``mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def begun(self) -> SearchBegun:
        """See `ChildSyncs.begun`."""
        bench = Bench(self._unit, cuts.BEGINS)
        page, found = bench.add("sp", kvm_mmu_page.STRUCT), bench.add("pvec", mmu_pages.STRUCT)
        page.settled = found.settled = True
        below = ne(bench.read(page, kvm_mmu_page.UNSYNC_CHILDREN), 0)
        answer, session = bench.integer(_BEGINS), bench.session
        adds, searches = session.calls(cuts.ADD.function), session.calls(cuts.BELOW.function)
        into, made = pointer_to(found), session.machine.calls_made
        says, told = answered_last(searches, 32)
        return SearchBegun(
            below=below,
            emptied=all_of(
                any_of(*(call.guard for call in adds)),
                *(implies(call.guard, eq(bench.read(found, mmu_pages.NR, call.memory), 0)) for call in adds),
            ),
            above=all_of(
                is_called(adds, into, pointer_to(page)),
                *(implies(call.guard, eq(resize(numbers_given(call)[0], 32), _NO_ENTRY)) for call in adds),
                *(implies(call.guard, any_before(made, call, adds)) for call in searches),
            ),
            searched=is_called(searches, into, pointer_to(page)),
            found=ite(says, told, bv(0, 32)),
            answer=answer,
            evidence=session.evidence(),
        )

    @once
    def zapped(self) -> ChildrenZapped:
        """See `ChildSyncs.zapped`."""
        bench = Bench(self._unit, cuts.ZAPS, any_round=frozenset({_ZAPS}))
        bench.add("kvm", kvm_vm.STRUCT)
        parent, queue = bench.add("parent", kvm_mmu_page.STRUCT), bench.add("invalid_list", list_heads.LIST)
        parent.settled = True
        level = zext(bench.flag(parent, kvm_mmu_page.ROLE, page_role.LEVEL), 32)
        answer, session = bench.integer(_ZAPS), bench.session
        zapping, whole = session.rounds(_ZAPS, 2)
        count = variable_like(zapping, NUMBER, "zapped")
        searches, zaps = session.calls(cuts.FIND.function), session.calls(cuts.GIVE_UP.function)
        return ChildrenZapped(
            level=level,
            searched=is_called(searches, pointer_to(parent)),
            found=session.says(cuts.FIND.function),
            fit=ule(bench.read(variable_of(zapping, mmu_pages.STRUCT), mmu_pages.NR, zapping.head), _ROOM),
            zaps=zapping.goes_on,
            zapped=any_of(
                *(all_of(self._is_page(bench, call, zapping), is_given(call, pointer_to(queue))) for call in zaps)
            ),
            counted=session.called(cuts.COUNT.function),
            before=read(zapping.head, count, 0, 32),
            after=read(zapping.head if zapping.end is None else zapping.end, count, 0, 32),
            again=whole.goes_on,
            ends=negate(any_of(zapping.goes_on, whole.goes_on)),
            none=read(whole.entered, count, 0, 32),
            all=read(whole.head, count, 0, 32),
            answer=answer,
            evidence=session.evidence(),
        )

    @once
    def searched(self) -> UnsyncRound:
        """See `ChildSyncs.searched`."""
        child = Object(
            name="child", type=self._unit.record(kvm_mmu_page.STRUCT), kind=ObjectKind.INPUT, by_pointer=True
        )
        given: dict[Cut, Value] = {each: bv(LOOKED_AT, 64) for each in cuts.NEXT}
        given |= dict.fromkeys(cuts.CHILD, pointer_to(child))
        known = tuple(replace(cut, gives=given[cut]) if cut in given else cut for cut in cuts.SEARCHES)
        bench = Bench(self._unit, known, any_round=frozenset({_SEARCHES}))
        page = bench.add("sp", kvm_mmu_page.STRUCT)
        bench.add("pvec", mmu_pages.STRUCT)
        table = page_table("sp->spt")
        bench.write(page, kvm_mmu_page.SPT, pointer_to(table))
        for each in (page, child, table):
            each.settled = True
        answer, session = bench.integer(_SEARCHES), bench.session
        made = session.round(_SEARCHES)
        entry = read(made.head, table, LOOKED_AT * 64, 64)
        below, unsync = (
            ne(bench.read(child, name, made.head), 0) for name in (kvm_mmu_page.UNSYNC_CHILDREN, kvm_mmu_page.UNSYNC)
        )
        count = self._count(made)
        adds, searches = session.calls(cuts.ADD.function), session.calls(cuts.BELOW.function)

        def of_entry(call: CallMade, owner: Object) -> Bool:
            return all_of(
                call.guard, is_given(call, pointer_to(owner)), eq(resize(numbers_given(call)[0], 32), LOOKED_AT)
            )

        return UnsyncRound(
            table=all_of(ne(entry & constant_of(self._unit, _PRESENT), 0), eq(entry & 1 << _LARGE, 0)),
            below=below,
            unsync=unsync,
            full=any_of(*(all_of(call.guard, is_nonzero(call)) for call in adds)),
            found=var(f"{cuts.BELOW.function}()", 32),
            added=any_of(*(of_entry(call, child) for call in adds)),
            searched=is_called(searches, pointer_to(child)),
            forgotten=any_of(*(of_entry(call, page) for call in session.calls(cuts.FORGET.function))),
            before=read(made.head, count, 0, 32),
            after=read(made.head if made.end is None else made.end, count, 0, 32),
            goes_on=made.goes_on,
            ends=negate(made.goes_on),
            answer=answer,
            evidence=session.evidence(),
        )

    def _count(self, made: RoundMade) -> Object:
        """What counts the pages that are found."""
        return variable_like(made, NUMBER, "nr_unsync_leaf")

    @once
    def synced(self) -> ChildrenSynced:
        """See `ChildSyncs.synced`."""
        bench = Bench(self._unit, cuts.SYNCS, any_round=frozenset({_SYNCS}))
        vcpu, kvm, _ = (
            bench.add("vcpu", kvm_vcpu.STRUCT),
            bench.add("kvm", kvm_vm.STRUCT),
            bench.add("parent", kvm_mmu_page.STRUCT),
        )
        bench.write(vcpu, kvm_vcpu.KVM, pointer_to(kvm))
        vcpu.settled = kvm.settled = True
        may_yield = var("can_yield", 8) & 1
        # Before 5.12 the lock could always be given up.
        answer, session = bench.integer(_SYNCS, can_yield=may_yield), bench.session
        protecting, syncing, whole = session.rounds(_SYNCS, 3)
        order = list(session.machine.calls_made)
        syncs, yields = session.calls(cuts.SYNC.function), session.calls(cuts.YIELD.function)
        changed, due = self._flags(protecting, syncing)
        asked = [
            call
            for call in session.calls(*(cut.function for cut in cuts.ASK))
            if is_request(call, vcpu_requests.MMU_SYNC) is TRUE
        ]
        ends = session.calls(cuts.END.function)
        first_sync = min(order.index(call) for call in syncs) if syncs else len(order)
        before = [call for call in ends if order.index(call) < first_sync]
        between = [call for call in ends if order.index(call) > first_sync and call is not ends[-1]]
        now, at_end = (ne(read(made.head, due, 0, 8), 0) for made in (syncing, whole))
        queue = variable_of(syncing, list_heads.LIST)

        def told(call: CallMade, needed: Bool) -> Bool:
            """Whether a call does what is due, for all pages that are given up."""
            given = ne(numbers_given(call)[0], 0)
            return all_of(call.guard, is_given(call, pointer_to(queue)), any_of(given, negate(needed)))

        protects, changes = session.calls(cuts.PROTECT.function), session.says(cuts.PROTECT.function)
        assert protecting.end is not None
        assert syncing.end is not None
        needs = slt(bv(0, 32), var(f"{cuts.SYNC.function}()", 32))
        stops = ne(answer, 0)
        return ChildrenSynced(
            found=ne(var(f"{cuts.FIND.function}()", 32), 0),
            fit=ule(bench.read(variable_of(protecting, mmu_pages.STRUCT), mmu_pages.NR, protecting.head), _ROOM),
            protects=protecting.goes_on,
            protected=any_of(*(self._is_of_page(bench, call, protecting) for call in protects)),
            noted=iff(
                ne(read(protecting.end, changed, 0, 8), 0), any_of(ne(read(protecting.head, changed, 0, 8), 0), changes)
            ),
            syncs=syncing.goes_on,
            changed_before=all_of(syncing.begins, ne(read(syncing.entered, changed, 0, 8), 0)),
            flushed_before=any_of(*(all_of(call.guard, ne(numbers_given(call)[0], 0)) for call in before)),
            marked=any_of(*(self._is_page(bench, call, syncing) for call in session.calls(cuts.MARK.function))),
            synced=any_of(*(self._is_page(bench, call, syncing) for call in syncs)),
            counted=session.called(cuts.COUNT.function),
            due_kept=iff(ne(read(syncing.end, due, 0, 8), 0), any_of(now, needs)),
            yields=any_of(*(call.guard for call in yields)),
            may_yield=ne(may_yield, 0),
            stops=stops,
            asked=any_of(*(call.guard for call in asked)),
            flushed_between=any_of(*(told(call, now) for call in between)),
            flushed_after=any_of(stops, told(ends[-1], at_end)),
            evidence=session.evidence(),
        )

    def _flags(self, protecting: RoundMade, syncing: RoundMade) -> tuple[Object, Object]:
        """Whether write-protecting has changed something, and whether a flush is due."""
        return variable_like(protecting, FLAG, "protected"), variable_like(syncing, FLAG, "flush")

    def _page_of(self, made: RoundMade) -> Value:
        page = variable_like(made, leads_to(kvm_mmu_page.STRUCT), "sp")
        if made.end is None:
            raise NotThere([f"a page at which a round of {made.function}() is"])
        return made.end.read(page, 0, page.type.bits)

    def _is_page(self, bench: Bench, call: CallMade, made: RoundMade) -> Bool:
        """Whether a call is for the page at which a round is."""
        page = as_pointer(self._page_of(made))
        assert page is not None
        return all_of(call.guard, same_place(bench.session.pointer_argument(call, "sp"), page))

    def _is_of_page(self, bench: Bench, call: CallMade, made: RoundMade) -> Bool:
        """Whether a call is for the table that the page shadows at which a round is."""
        page = as_pointer(self._page_of(made))
        assert page is not None
        gfn: BitVec = bv(0, 64)
        for target in page.targets:
            if target.place is not None:
                place = bench.place(target.place.object, kvm_mmu_page.GFN)
                gfn = ite(target.guard, read(made.head, target.place.object, place.offset, place.width), gfn)
        # What is found are pages: none of the pointers leads nowhere.
        return all_of(call.guard, any_of(page.is_null, eq(numbers_given(call)[0], gfn)))
