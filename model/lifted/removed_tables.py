"""Tables that a lifted tree takes out of the TDP MMU: ``tdp_mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, Pointer, pointer_to, same_place
from mmuproof.lift.machine.values import Dimension, Place, Target
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import removed_tables as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, any_before, is_answer, is_called
from mmuproof.model.lifted.entry_bench import page_table
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import has_member, read
from mmuproof.model.lifted.variables import NUMBER, variable_like
from mmuproof.model.named import functions, kvm_mmu_page, kvm_vm, page_role
from mmuproof.model.removed_tables import ChangeHandled, EntryRemoved, PageUnlinked, RemovedTables
from mmuproof.model.stores import ENTRIES
from mmuproof.smt.terms import FALSE, TRUE, all_of, any_of, bv, eq, iff, implies, ite, ne, negate, sext, var, zext

_REMOVED = cuts.REMOVED.function
_UNLOCKS = (functions.RAW_SPIN_UNLOCK, functions.INNER_RAW_SPIN_UNLOCK)


class LiftedRemovedTables(RemovedTables, Remembers):
    """``tdp_mmu.c`` of a lifted tree.

    Args:
        unit: it.
        _iter: ``tdp_iter.c``, in which is read what those write that are not followed.
        _mmu: ``mmu.c``, likewise.
        _spte: ``spte.c``, likewise.
    """

    def __init__(self, unit: Unit, _iter: Unit, _mmu: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    def _bench(self, *rounds: str, more: tuple[Cut, ...] = ()) -> tuple[Bench, Object]:
        """A bench with the page that a table belongs to."""
        page = Object(name="sp", type=self._unit.record(kvm_mmu_page.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        of_table = replace(cuts.SPTEP_TO_SP, gives=pointer_to(page))
        known = (of_table, *(cut for cut in (*cuts.CUTS, *more) if cut.function not in rounds))
        bench = Bench(self._unit, known, any_round=frozenset(rounds))
        bench.add("kvm", kvm_vm.STRUCT)
        bench.objects[kvm_mmu_page.STRUCT] = pointer_to(page)
        return bench, page

    @once
    def changed(self) -> ChangeHandled:
        """See `RemovedTables.changed`."""
        bench, _ = self._bench()
        name = self._unit.function(functions.INNER_HANDLE_CHANGED_SPTE, functions.HANDLE_CHANGED_SPTE).name
        words = {each: var(each, 64) for each in ("old_spte", "new_spte", "gfn")}
        numbers = {each: var(each, 32) for each in ("level", "as_id")}
        shared = var("shared", 8) & 1
        bench.session.call(bench.memory, name, objects=bench.objects, values={**words, **numbers, "shared": shared})
        child, call = (_call(bench, cut) for cut in (cuts.CHILD, cuts.REMOVED))
        told = ne(bench.session.argument(call, "shared"), 0)
        own = is_answer(bench.session.pointer_argument(call, "pt"), child)
        return ChangeHandled(
            function=name,
            old=words["old_spte"],
            new=words["new_spte"],
            level=numbers["level"],
            shared=ne(shared, 0),
            removes=call.guard,
            child_of=bench.session.argument(child, "pte", "spte"),
            child_level=bench.session.argument(child, "level"),
            own_child=all_of(child.guard, iff(told, ne(shared, 0))) if own else FALSE,
            evidence=bench.session.evidence(),
        )

    @once
    def removed(self) -> EntryRemoved:
        """See `RemovedTables.removed`."""
        bench, page = self._bench(_REMOVED, more=(cuts.CHANGED,))
        table, shared = page_table("pt"), var("shared", 8) & 1
        level, gfn = zext(bench.flag(page, kvm_mmu_page.ROLE, page_role.LEVEL), 32), bench.read(page, kvm_mmu_page.GFN)
        pointers = {"pt": pointer_to(table)}
        bench.session.call(bench.memory, _REMOVED, objects=bench.objects, values={"shared": shared}, pointers=pointers)
        # The loop inside is done first.
        tried, made = bench.session.rounds(_REMOVED, 2)
        counter = variable_like(made, NUMBER, "i")
        number = read(made.head, counter, 0, 32)
        entry = Place(table, 0, (Dimension(index=sext(number, 64), stride=64, count=ENTRIES),))
        own = Pointer((Target(guard=TRUE, place=entry),))
        exchange, write, told = (_call(bench, cut) for cut in (cuts.EXCHANGE, cuts.WRITE, cuts.CHANGED))
        session, found = bench.session, bv(0, 64)
        looks = session.calls(cuts.READ.function)
        for look in looks:
            found = ite(look.guard, answer_of(look, 64), found)
        strays = any_of(
            *(
                all_of(call.guard, negate(same_place(session.pointer_argument(call, "sptep"), own)))
                for call in (*looks, exchange, write)
            ),
            all_of(write.guard, ne(session.argument(write, "level"), level)),
            all_of(write.guard, ne(session.argument(write, "old_spte"), found)),
        )
        by_write = ite(write.guard, session.argument(write, "new_spte"), bv(0, 64))
        return EntryRemoved(
            shared=ne(shared, 0),
            level=level,
            gfn=gfn,
            first=read(made.entered, counter, 0, 32),
            number=number,
            goes_on=made.goes_on,
            unlinked=is_called(session.calls(cuts.UNLINK.function), pointer_to(page)),
            following=number if made.end is None else read(made.end, counter, 0, 32),
            again=tried.goes_on,
            found=found,
            writes=any_of(exchange.guard, write.guard),
            own_entry=negate(strays),
            written=ite(exchange.guard, session.argument(exchange, "new_spte"), by_write),
            replaced=ite(exchange.guard, answer_of(exchange, 64), answer_of(write, 64)),
            tells=told.guard,
            told_rightly=all_of(
                eq(session.argument(told, "level"), level), iff(ne(session.argument(told, "shared"), 0), ne(shared, 0))
            ),
            told_gfn=session.argument(told, "gfn"),
            told_old=session.argument(told, "old_spte"),
            told_new=session.argument(told, "new_spte"),
            evidence=session.evidence(),
        )

    @once
    def unlinked(self) -> PageUnlinked:
        """See `RemovedTables.unlinked`."""
        name, bench = cuts.UNLINK.function, Bench(self._unit, cuts.UNLINKS)
        bench.add("kvm", kvm_vm.STRUCT)
        page = bench.add("sp", kvm_mmu_page.STRUCT)
        page.settled = True
        flag = next(
            (
                each
                for each in (kvm_mmu_page.NX_HUGE_PAGE_DISALLOWED, kvm_mmu_page.LPAGE_DISALLOWED)
                if has_member(self._unit.record(kvm_mmu_page.STRUCT), [each])
            ),
            "",
        )
        if not flag:
            raise NotThere([f"kvm_mmu_page.{kvm_mmu_page.NX_HUGE_PAGE_DISALLOWED}"])
        listed, shared = ne(bench.read(page, flag), 0), var("shared", 8) & 1
        bench.call(name, shared=shared)
        session, made = bench.session, bench.session.machine.calls_made
        offs = session.calls(*(cut.function for cut in cuts.UNTRACK))
        locks, unlocks = session.calls(functions.RAW_SPIN_LOCK), session.calls(*_UNLOCKS)
        # Who says so is the only one, where the lock is not taken.
        alone = eq(shared, 0) if "shared" in self._unit.parameter_names(name) else FALSE
        return PageUnlinked(
            listed=listed,
            shared=negate(alone),
            unlisted=is_called(offs, pointer_to(page)),
            locked=all_of(
                *(
                    implies(call.guard, all_of(any_before(made, call, locks), negate(any_before(made, call, unlocks))))
                    for call in offs
                )
            ),
            evidence=session.evidence(),
        )


def _call(bench: Bench, cut: Cut) -> CallMade:
    """The one call of a function.

    Raises:
        NotThere: there is none.
        Refused: there are several.
    """
    if not bench.session.calls(cut.function):
        raise NotThere([f"{cut.function}()"])
    return bench.session.only_call(cut.function)
