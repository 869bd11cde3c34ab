"""What a lifted tree does with lists of SPTEs: ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import NULL, Object, Pointer, Value, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import spte_lists as cuts
from mmuproof.model.cuts.reverse_maps import DROP, PROTECT
from mmuproof.model.lifted.list_bench import ListBench, number_of, way_of
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import functions, rmap_iterator
from mmuproof.model.spte_lists import ASKED, PLACE, ListChange, ListShape, ListStep, ListVisit, SpteLists, SpteVisited
from mmuproof.smt.terms import BitVec, any_of, bool_var, bv, ite, ne, resize, to_bv

_COUNTS, _ADDS_PARENT = "pte_list_count", "mmu_page_add_parent_pte"
_NO_ANSWER = bv(0, 32)


class LiftedSpteLists(SpteLists, Remembers):
    """The lists of a lifted tree.

    Args:
        unit: ``mmu.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @staticmethod
    def _asked(bench: ListBench, name: str) -> Value | None:
        """Call a function for the list, and for the SPTE that is asked for."""
        asked = bench.spte(ASKED)
        return bench.session.call(
            bench.memory,
            name,
            objects=bench.objects,
            values={"pt_protect": to_bv(bool_var("as a table is"), 8)},
            pointers=dict.fromkeys(("spte", "sptep", "parent_pte"), asked),
        )

    def _changed(self, shape: ListShape, name: str) -> ListChange:
        bench = ListBench(self._unit, shape)
        return bench.change(_number(self._asked(bench, name)))

    @once
    def added(self, shape: ListShape) -> ListChange:
        """See `SpteLists.added`."""
        return self._changed(shape, functions.PTE_LIST_ADD)

    @once
    def removed(self, shape: ListShape) -> ListChange:
        """See `SpteLists.removed`."""
        return self._changed(shape, functions.PTE_LIST_REMOVE)

    @once
    def counted(self, shape: ListShape) -> ListChange:
        """See `SpteLists.counted`."""
        return self._changed(shape, _COUNTS)

    @once
    def begun(self, shape: ListShape) -> ListStep:
        """See `SpteLists.begun`."""
        bench = ListBench(self._unit, shape)
        return self._step(bench, bench.add("iter", rmap_iterator.STRUCT), functions.RMAP_GET_FIRST)

    @once
    def stepped(self, shape: ListShape) -> ListStep:
        """See `SpteLists.stepped`."""
        bench = ListBench(self._unit, shape)
        iterator = bench.add("iter", rmap_iterator.STRUCT)
        at = pointer_to(bench.descriptors[0]) if bench.descriptors else NULL
        bench.write(iterator, rmap_iterator.DESC, at)
        bench.write(iterator, rmap_iterator.POS, PLACE)
        return self._step(bench, iterator, functions.RMAP_GET_NEXT)

    def _step(self, bench: ListBench, iterator: Object, name: str) -> ListStep:
        found = self._asked(bench, name)
        if not isinstance(found, Pointer):
            raise Refused(f"{name}() gives no pointer")
        number = number_of(found)
        way = way_of(bench.pointer(iterator, rmap_iterator.DESC), ne(number, 0), bench.descriptors)
        stands = any_of(*way.at.values())
        return ListStep(
            before=bench.list,
            place=PLACE,
            found=number,
            at=tuple(way.at.values()),
            place_after=ite(stands, bench.read(iterator, rmap_iterator.POS), 0),
            evidence=bench.session.evidence(),
        )

    @once
    def walked(self, shape: ListShape) -> ListVisit:
        """See `SpteLists.walked`."""
        visited, change = self._visited(shape, functions.RMAP_WRITE_PROTECT, PROTECT)
        # What is answered is what the calls that are not followed answer.
        return ListVisit(visited, replace(change, answer=_NO_ANSWER))

    @once
    def emptied(self, shape: ListShape) -> ListVisit:
        """See `SpteLists.emptied`."""
        return ListVisit(*self._visited(shape, functions.KVM_ZAP_ALL_RMAP_SPTES, cuts.CLEAR))

    @once
    def zapped(self, shape: ListShape) -> ListVisit:
        """See `SpteLists.zapped`."""
        return ListVisit(*self._visited(shape, DROP.function, cuts.CLEAR))

    @once
    def parent_added(self, shape: ListShape) -> ListChange:
        """See `SpteLists.parent_added`."""
        bench = ListBench(self._unit, shape, of_parents=True)
        return bench.change(_number(self._asked(bench, _ADDS_PARENT)))

    @once
    def parent_dropped(self, shape: ListShape) -> ListVisit:
        """See `SpteLists.parent_dropped`."""
        return ListVisit(*self._visited(shape, functions.DROP_PARENT_PTE, cuts.CLEAR_PARENT, of_parents=True))

    def _visited(
        self, shape: ListShape, name: str, done: Cut, *, of_parents: bool = False
    ) -> tuple[tuple[SpteVisited, ...], ListChange]:
        bench = ListBench(self._unit, shape, of_parents=of_parents)
        change = bench.change(_number(self._asked(bench, name)))
        calls = bench.session.calls(done.function)
        return tuple(SpteVisited(happens=call.guard, spte=_spte_given(call, bench)) for call in calls), change


def _number(answer: Value | None) -> BitVec:
    """What a function answers; 0 if nothing, or no number."""
    return resize(answer, _NO_ANSWER.width) if isinstance(answer, BitVec) else _NO_ANSWER


def _spte_given(call: CallMade, bench: ListBench) -> BitVec:
    """The address of the SPTE that a call is given."""
    others = tuple(bench.objects.values())
    given = [each for each in call.arguments if isinstance(each, Pointer) and each not in others]
    if len(given) != 1:
        raise Refused(f"{call.function}() is given {len(given)} SPTEs", str(call.at))
    return number_of(given[0])
