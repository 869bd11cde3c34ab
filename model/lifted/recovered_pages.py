"""Tables of small pages that become huge pages in a lifted tree: ``tdp_mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import IntType
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import recovered_pages as cuts
from mmuproof.model.cuts.range_rounds import SET_ATOMIC, YIELD
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, is_given, is_nonzero
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.lifted.variables import FLAG, variable_like, variable_of
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, kvm_vm, tdp_iter
from mmuproof.model.recovered_pages import HugeSpteMade, RecoveredPages, ReplacedTable
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bv, eq, implies, ite, ne, negate, resize, ult

_MAKES, _REPLACES = functions.TDP_MMU_MAKE_HUGE_SPTE, functions.RECOVER_HUGE_PAGES_RANGE
_LEVEL_BITS, _PAGE_SHIFT = 9, 12


class LiftedRecoveredPages(RecoveredPages, Remembers):
    """What a lifted tree does.

    Args:
        unit: ``tdp_mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def made(self) -> HugeSpteMade:
        """See `RecoveredPages.made`."""
        page = Object(
            name="page below", type=self._unit.record(kvm_mmu_page.STRUCT), kind=ObjectKind.INPUT, by_pointer=True
        )
        child = replace(cuts.CHILD, gives=pointer_to(page))
        bench = Bench(
            self._unit, (child, *(each for each in cuts.MAKES if each is not cuts.CHILD)), any_round=frozenset({_MAKES})
        )
        bench.add("kvm", kvm_vm.STRUCT)
        above = bench.add("parent", tdp_iter.STRUCT)
        result = Object(name="huge_spte", type=IntType(64, False, "u64"), kind=ObjectKind.INPUT, by_pointer=True)
        spte, gfn, level = (bench.read(above, each) for each in (tdp_iter.OLD_SPTE, tdp_iter.GFN, tdp_iter.LEVEL))
        answer = bench.integer(_MAKES, {"huge_spte": pointer_to(result)})
        made = bench.session.round(_MAKES)
        walk = variable_of(made, tdp_iter.STRUCT)
        (start,), (found,) = (bench.session.calls(each.function) for each in (cuts.START, cuts.CHILD))

        def member(path: str) -> BitVec:
            return bench.read(walk, path, made.head)

        pages = (bv(1, 64) << resize(_PAGE_SHIFT + (level - 1) * _LEVEL_BITS, 64)) >> _PAGE_SHIFT
        calls = bench.session.calls(cuts.HUGE.function)
        of_spte, of_level = bv(0, 64), bv(0, 32)
        for call in calls:
            small, at = (bench.session.argument(call, each) for each in ("small_spte", "level"))
            of_spte, of_level = ite(call.guard, small, of_spte), ite(call.guard, resize(at, 32), of_level)
        left = read(bench.memory, result, 0, 64)
        return HugeSpteMade(
            begins_there=all_of(
                start.guard,
                is_given(start, pointer_to(page)),
                eq(bench.session.argument(found, "spte"), spte),
                eq(bench.session.argument(start, "next_last_level_gfn"), gfn),
                eq(bench.session.argument(start, "min_level"), 1),
            ),
            in_range=all_of(ne(member(tdp_iter.VALID), 0), ult(member(tdp_iter.GFN), gfn + pages)),
            level=member(tdp_iter.LEVEL),
            spte=member(tdp_iter.OLD_SPTE),
            above_level=level,
            made=any_of(*(call.guard for call in calls)),
            of_spte=of_spte,
            of_level=of_level,
            stored=all_of(*(implies(call.guard, eq(left, answer_of(call, 64))) for call in calls)),
            goes_on=made.goes_on,
            succeeds=eq(answer, 0),
            evidence=bench.session.evidence(),
        )

    @once
    def replaced(self) -> ReplacedTable:
        """See `RecoveredPages.replaced`."""
        bench = Bench(self._unit, cuts.REPLACES, any_round=frozenset({_REPLACES}))
        for each, record in (("kvm", kvm_vm.STRUCT), ("root", kvm_mmu_page.STRUCT)):
            bench.add(each, record)
        slot = bench.add("slot", kvm_memory_slot.STRUCT)
        bench.call(_REPLACES)
        session = bench.session
        made, anew, changed = (
            session.round(_REPLACES),
            session.begun_anew(_REPLACES),
            session.only_call(SET_ATOMIC.function),
        )
        yields, flag = session.only_call(YIELD.function), variable_like(made, FLAG, "flush")

        def due(memory: Memory | None) -> Bool:
            return FALSE if memory is None else ne(read(memory, flag, 0, flag.type.bits), 0)

        again = FALSE if anew is None else anew.goes_on
        order = {id(call): number for number, call in enumerate(session.machine.calls_made)}
        last = max(order[id(call)] for call in session.calls(cuts.UNLOCK.function))
        return ReplacedTable(
            yielded=all_of(yields.guard, is_nonzero(yields)),
            told=ne(session.argument(yields, "flush"), 0),
            replaced=all_of(changed.guard, negate(is_nonzero(changed))),
            due=due(made.head) if anew is None else ite(anew.begins, due(anew.head), due(made.head)),
            goes_on=made.goes_on,
            due_after=due(made.end),
            ends=all_of(session.only_call(cuts.START.function).guard, negate(made.goes_on), negate(again)),
            flushed=any_of(
                *(
                    all_of(call.guard, is_given(call, pointer_to(slot)))
                    for call in session.calls(cuts.FLUSH.function)
                    if order[id(call)] < last
                )
            ),
            evidence=session.evidence(),
        )
