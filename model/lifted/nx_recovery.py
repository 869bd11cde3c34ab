"""Tables that a lifted tree makes huge pages again: ``mmu.c`` and ``tdp_mmu.c``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.c_types import IntType
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import NULL, Object, ObjectKind, Pointer, Value, choose, pointer_to, same_place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import guest_tables
from mmuproof.model.cuts import nx_recovery as cuts
from mmuproof.model.lifted.address_spaces import space_of
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, is_called, is_given, is_nonzero, told_of
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.entry_bench import page_table
from mmuproof.model.lifted.list_links import link_list
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import (
    constants,
    host_kernel,
    kvm_memory_slot,
    kvm_mmu_page,
    kvm_vm,
    page_role,
    switches,
    tdp_iter,
)
from mmuproof.model.nx_recovery import NxLogged, NxPage, NxRecovered, NxRecovery, NxToggled, NxZapped
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bool_var, bv, eq, implies, ne, negate, zext

_RECOVERS, _TDP_TYPE = "kvm_recover_nx_huge_pages", constants.KVM_TDP_MMU
_TABLES, _TYPES = 2, 2


class LiftedNxRecovery(NxRecovery, Remembers):
    """What a lifted tree does about such tables.

    Args:
        unit: ``mmu.c``.
        tdp: ``tdp_mmu.c``.
    """

    def __init__(self, unit: Unit, tdp: Unit) -> None:
        super().__init__()
        self._unit, self._tdp = unit, tdp

    @once
    def recovered(self, of_tdp: bool) -> NxRecovered:
        """See `NxRecovery.recovered`."""
        # One more than there are, so that the list runs out.
        how_many = replace(cuts.HOW_MANY, gives=bv(_TABLES + 1, 64))
        bench = Bench(self._unit, (how_many, *(cut for cut in cuts.CUTS if cut is not cuts.HOW_MANY)))
        kvm = bench.add("kvm", kvm_vm.STRUCT)
        pages = [
            Object(
                name=f"sp{number + 1}",
                type=self._unit.record(kvm_mmu_page.STRUCT),
                kind=ObjectKind.INPUT,
                by_pointer=True,
            )
            for number in range(_TABLES)
        ]
        tdp_type = constant_of(self._unit, _TDP_TYPE)
        own = tdp_type if of_tdp else 1 - tdp_type
        for type_ in range(_TYPES):
            self._link(bench, kvm, type_, pages if type_ == own else [])
        bench.session.call(bench.memory, _RECOVERS, objects=bench.objects, values={"mmu_type": bv(own, 32)})
        zap, other = (cuts.ZAP_TDP, cuts.ZAP_SHADOW) if of_tdp else (cuts.ZAP_SHADOW, cuts.ZAP_TDP)
        logged = bench.session.calls(cuts.LOGGED.function)

        def of_page(page: Object) -> NxPage:
            asked = [call for call in logged if _is_for(call, page) is not FALSE]
            # A table that is dropped is nobody's any more.
            memory = next((call.memory for call in asked if call.memory is not None), bench.memory)
            place = bench.place(page, kvm_mmu_page.POSSIBLE_NX_HUGE_PAGE_LINK_NEXT)
            following = memory.read(page, place.offset, place.width)
            assert isinstance(following, Pointer)
            own_link = pointer_to(page, bench.place(page, kvm_mmu_page.POSSIBLE_NX_HUGE_PAGE_LINK).offset)
            return NxPage(
                logged=told_of(((call, _is_for(call, page)) for call in asked), f"{page.name} is logged"),
                zapped=any_of(*(_is_for(call, page) for call in bench.session.calls(zap.function))),
                disallowed=ne(bench.read(page, kvm_mmu_page.NX_HUGE_PAGE_DISALLOWED, memory), 0),
                counted=negate(same_place(following, own_link)),
            )

        return NxRecovered(
            of_tdp=of_tdp,
            pages=tuple(map(of_page, pages)),
            by_other=any_of(*(call.guard for call in bench.session.calls(other.function))),
            beyond=any_of(*(all_of(call.guard, *(negate(_is_for(call, page)) for page in pages)) for call in logged)),
            unflushed=self._unflushed(bench),
            evidence=bench.session.evidence(),
        )

    @once
    def toggled(self) -> NxToggled:
        """See `NxRecovery.toggled`."""
        bench = Bench(self._unit, cuts.TOGGLES)
        vms = [
            Object(name=name, type=self._unit.record(kvm_vm.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
            for name in ("first VM", "second VM")
        ]
        link_list(
            bench.memory,
            (bench.session.global_object(kvm_vm.LIST), 0),
            *((each, bench.place(each, kvm_vm.VM_LIST).offset) for each in vms),
        )
        bench.add("parameter", host_kernel.PARAMETER_STRUCT)
        asked = Object(name="asked", type=IntType(8, False, "char"), kind=ObjectKind.INPUT, by_pointer=True)
        before = bench.setting(switches.NX_HUGE_PAGES)
        bench.integer("set_nx_huge_pages", pointers={"val": pointer_to(asked)})
        zaps = bench.session.calls(cuts.ZAP_ALL.function)
        first, second = (is_called(zaps, pointer_to(each)) for each in vms)
        return NxToggled(
            before=before,
            after=bench.setting(switches.NX_HUGE_PAGES),
            zapped=(first, second),
            evidence=bench.session.evidence(),
        )

    @staticmethod
    def _link(bench: Bench, kvm: Object, type_: int, pages: Sequence[Object]) -> None:
        """Let an MMU have a list of these tables."""
        lists = bench.place(kvm, f"{kvm_vm.POSSIBLE_NX_HUGE_PAGES}[{type_}].{kvm_vm.NX_HUGE_PAGES_LISTED}")
        head = pointer_to(kvm, lists.offset)
        links = [
            head,
            *(pointer_to(page, bench.place(page, kvm_mmu_page.POSSIBLE_NX_HUGE_PAGE_LINK).offset) for page in pages),
            head,
        ]
        for number, owner in enumerate((None, *pages)):
            at = lists.offset if owner is None else bench.place(owner, kvm_mmu_page.POSSIBLE_NX_HUGE_PAGE_LINK).offset
            bench.memory.write(owner or kvm, at, 64, links[number + 1])
            bench.memory.write(owner or kvm, at + 64, 64, links[number - 1] if number else links[-2])

    @staticmethod
    def _unflushed(bench: Bench) -> Bool:
        """Whether a lock is given up while a flush is due."""
        due, to_free, wrong = FALSE, FALSE, FALSE
        ends = {cut.function for cut in (cuts.RCU_UNLOCK, *cuts.YIELDS, *cuts.UNLOCKS)}
        for call in bench.session.machine.calls_made:
            if call.function == cuts.ZAP_TDP.function:
                due = any_of(due, all_of(call.guard, is_nonzero(call)))
            elif call.function == cuts.ZAP_SHADOW.function:
                to_free = any_of(to_free, call.guard)
            elif call.function == cuts.FLUSH.function:
                told = bench.session.argument(call, "remote_flush")
                due = all_of(due, negate(all_of(call.guard, ne(told, 0))))
                to_free = all_of(to_free, negate(call.guard))
            elif call.function in ends:
                wrong = any_of(wrong, all_of(call.guard, any_of(due, to_free)))
        return wrong

    @once
    def zapped(self) -> NxZapped:
        """See `NxRecovery.zapped`."""
        table, parent = page_table("sp->spt"), page_table("table above")
        leads = bool_var("the entry leads to the table")

        def child_of(_: Sequence[Value | None]) -> Value:
            return choose(leads, pointer_to(table), NULL)

        known = (replace(cuts.CHILD, gives=child_of), *(cut for cut in cuts.ZAPPING if cut is not cuts.CHILD))
        bench = Bench(self._tdp, known)
        bench.add("kvm", kvm_vm.STRUCT)
        page = bench.add("sp", kvm_mmu_page.STRUCT)
        below, own = bool_var("an entry leads to it"), pointer_to(parent, 64)
        bench.write(page, kvm_mmu_page.SPT, pointer_to(table))
        entry = choose(below, own, NULL)
        place = bench.place(page, kvm_mmu_page.PTEP)
        bench.memory.write(page, place.offset, place.width, entry)
        level, gfn = zext(bench.flag(page, kvm_mmu_page.ROLE, page_role.LEVEL), 32), bench.read(page, kvm_mmu_page.GFN)
        of_tdp = ne(bench.read(page, kvm_mmu_page.TDP_MMU_PAGE), 0)
        answer = bench.integer(cuts.ZAP_TDP.function)
        session = bench.session
        look, exchange, judge = (session.calls(cut.function) for cut in (cuts.READ_SPTE, cuts.SET, cuts.CHILD))
        found = answer_of(look[0], 64)
        right, sets, written = [], FALSE, bv(0, 64)
        for call in exchange:
            right.append(all_of(call.guard, self._is_own(bench, call, own, found, level, gfn)))
            sets, written = any_of(sets, call.guard), session.argument(call, "new_spte")
        told = [
            implies(
                all_of(call.guard, below),
                all_of(
                    eq(session.argument(call, "pte", "spte"), found), eq(session.argument(call, "level"), level + 1)
                ),
            )
            for call in judge[:1]
        ]
        return NxZapped(
            of_tdp=of_tdp,
            below=below,
            level=level,
            gfn=gfn,
            found=found,
            leads=all_of(leads, *told),
            sets=sets,
            written=written,
            own_entry=any_of(*right),
            lost=any_of(*(all_of(call.guard, is_nonzero(call)) for call in exchange)),
            answer=ne(answer, 0),
            evidence=session.evidence(),
        )

    @staticmethod
    def _is_own(bench: Bench, call: CallMade, own: Pointer, found: BitVec, level: BitVec, gfn: BitVec) -> Bool:
        """Whether an exchange is of the entry above a table."""
        walk = bench.session.pointer_argument(call, "iter").targets[0].place
        assert walk is not None
        assert call.memory is not None
        held, memory = walk.object, call.memory
        place = bench.place(held, tdp_iter.SPTEP)
        sptep = memory.read(held, place.offset, place.width)
        assert isinstance(sptep, Pointer)
        return all_of(
            same_place(sptep, own),
            eq(bench.read(held, tdp_iter.OLD_SPTE, memory), found),
            eq(bench.read(held, tdp_iter.LEVEL, memory), level + 1),
            eq(bench.read(held, tdp_iter.GFN, memory), gfn),
        )

    @once
    def logged(self) -> NxLogged:
        """See `NxRecovery.logged`."""
        slot = Object(
            name="slot", type=self._unit.record(kvm_memory_slot.STRUCT), kind=ObjectKind.INPUT, by_pointer=True
        )
        found = replace(guest_tables.SLOT_OF, gives=pointer_to(slot))
        bench = Bench(self._unit, (found, *(cut for cut in cuts.LOGGING if cut is not guest_tables.SLOT_OF)))
        kvm, page = bench.add("kvm", kvm_vm.STRUCT), bench.add("sp", kvm_mmu_page.STRUCT)
        count, flags = (
            bench.read(kvm, kvm_vm.NR_MEMSLOTS_DIRTY_LOGGING_COUNTER),
            bench.read(slot, kvm_memory_slot.FLAGS),
        )
        gfn, space = bench.read(page, kvm_mmu_page.GFN), space_of(bench, page)
        answer, told = bench.integer(cuts.LOGGED.function), bench.session.argument
        look, in_space = (bench.session.calls(cut.function) for cut in (guest_tables.SLOT_OF, guest_tables.SPACE))
        return NxLogged(
            any_slot=ne(count, 0),
            flags=flags,
            own_slot=all_of(
                *(any_of(negate(call.guard), eq(told(call, "gfn"), gfn)) for call in look),
                *(any_of(negate(call.guard), eq(told(call, "as_id"), space)) for call in in_space),
            ),
            answer=ne(answer, 0),
            evidence=bench.session.evidence(),
        )


def _is_for(call: CallMade, page: Object) -> Bool:
    """Whether a call is made for a page."""
    return all_of(call.guard, is_given(call, pointer_to(page)))
