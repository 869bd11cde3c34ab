"""How a lifted tree walks through the lists of a slot: ``mmu.c``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.c_types import ArrayType
from mmuproof.lift.machine.memory import FunctionRef, Object, ObjectKind, Pointer, Target, Value, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import flush_ranges
from mmuproof.model.cuts import slot_walks as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_answered_yes, is_called, numbers_given
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.lifted.variables import parameter_of, variable_of
from mmuproof.model.named import functions, kvm_memory_slot, kvm_vm, slot_walk
from mmuproof.model.slot_walks import SlotWalkBegun, SlotWalkRound, SlotWalks, SlotWalkStep
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bv, eq, iff, ne, negate, ult, var, zext

_BEGINS, _NEXT = functions.SLOT_RMAP_WALK_INIT, functions.SLOT_RMAP_WALK_NEXT
_WALKS = (functions.INNER_WALK_SLOT_RMAPS, functions.SLOT_HANDLE_LEVEL_RANGE)

_AT, _LAST, _LISTS = 2, 5, 8
"""The list at which a step begins, the last one of the range, and how many there are."""
_LEVEL_BITS, _LEVELS = 9, 5


class LiftedSlotWalks(SlotWalks, Remembers):
    """How a lifted tree walks.

    Args:
        unit: ``mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    def _head(self, name: str) -> Object:
        return Object(
            name=name, type=self._unit.record(kvm_memory_slot.RMAP_HEAD), kind=ObjectKind.INPUT, by_pointer=True
        )

    def _bench(self) -> tuple[Bench, Object, dict[str, Object]]:
        """A bench with a walk, and lists for frames."""
        heads: dict[str, Object] = {}

        def of_frame(arguments: Sequence[Value | None]) -> Value:
            gfn, level = (each for each in arguments if isinstance(each, BitVec))
            name = f"list of {gfn} at {level}"
            return pointer_to(heads.setdefault(name, self._head(f"list {len(heads)}")))

        bench = Bench(
            self._unit, tuple(replace(cut, gives=of_frame) if cut is cuts.LIST else cut for cut in cuts.STEPS)
        )
        return bench, bench.add("iterator", slot_walk.STRUCT), heads

    def _stands(self, bench: Bench, iterator: Object, path: str, head: Pointer) -> Bool:
        """Whether a pointer of a walk leads to a list."""
        place = bench.place(iterator, path)
        found = as_pointer(bench.memory.read(iterator, place.offset, place.width))
        assert found is not None
        return same_place(found, head)

    def _lists(self, bench: Bench, iterator: Object, heads: dict[str, Object], level: BitVec) -> tuple[Bool, Bool]:
        """Whether a walk stands at the list of its first frame at a level, and goes to that of its last one."""
        found = []
        for path, frame in ((slot_walk.RMAP, slot_walk.START_GFN), (slot_walk.END_RMAP, slot_walk.END_GFN)):
            name = f"list of {bench.read(iterator, frame)} at {level}"
            head = heads.get(name)
            found.append(FALSE if head is None else self._stands(bench, iterator, path, pointer_to(head)))
        first, last = found
        return first, last

    @once
    def begun(self) -> SlotWalkBegun:
        """See `SlotWalks.begun`."""
        bench, iterator, heads = self._bench()
        slot = bench.add("slot", kvm_memory_slot.STRUCT)
        told = {
            slot_walk.START_LEVEL: var("start_level", 32),
            slot_walk.END_LEVEL: var("end_level", 32),
            slot_walk.START_GFN: var("start_gfn", 64),
            slot_walk.END_GFN: var("end_gfn", 64),
        }
        bench.call(
            _BEGINS,
            start_level=told[slot_walk.START_LEVEL],
            end_level=told[slot_walk.END_LEVEL],
            start_gfn=told[slot_walk.START_GFN],
            end_gfn=told[slot_walk.END_GFN],
        )
        first, last = self._lists(bench, iterator, heads, told[slot_walk.START_LEVEL])
        return SlotWalkBegun(
            at_first=all_of(
                first,
                eq(bench.read(iterator, slot_walk.LEVEL), told[slot_walk.START_LEVEL]),
                eq(bench.read(iterator, slot_walk.GFN), told[slot_walk.START_GFN]),
            ),
            to_last=last,
            as_told=all_of(
                *(eq(bench.read(iterator, name), value) for name, value in told.items()),
                self._stands(bench, iterator, slot_walk.SLOT, pointer_to(slot)),
            ),
            evidence=bench.session.evidence(),
        )

    @once
    def step(self) -> SlotWalkStep:
        """See `SlotWalks.step`."""
        bench, iterator, heads = self._bench()
        record = self._unit.record(kvm_memory_slot.RMAP_HEAD)
        lists = Object(
            name="lists",
            type=ArrayType(record, _LISTS, f"{kvm_memory_slot.RMAP_HEAD}[{_LISTS}]"),
            kind=ObjectKind.INPUT,
            by_pointer=True,
        )
        bench.write(iterator, slot_walk.RMAP, pointer_to(lists, _AT * record.bits))
        bench.write(iterator, slot_walk.END_RMAP, pointer_to(lists, _LAST * record.bits))
        level, last_level = (bench.read(iterator, name) for name in (slot_walk.LEVEL, slot_walk.END_LEVEL))
        start, gfn = (bench.read(iterator, name) for name in (slot_walk.START_GFN, slot_walk.GFN))
        filled = {
            number: ne(read(bench.memory, lists, number * record.bits, 64), 0) for number in range(_AT + 1, _LAST + 1)
        }
        bench.call(_NEXT)
        at, frame, rest = negate(TRUE), negate(TRUE), TRUE
        span = bv(1, 64) << zext((level - 1) * _LEVEL_BITS, 64)
        for number, has in filled.items():
            here = all_of(rest, has)
            at = any_of(
                at, all_of(here, self._stands(bench, iterator, slot_walk.RMAP, pointer_to(lists, number * record.bits)))
            )
            right = eq(bench.read(iterator, slot_walk.GFN), gfn + span * (number - _AT))
            frame = any_of(frame, all_of(here, ult(level, _LEVELS + 1), right))
            rest = all_of(rest, negate(has))
        first, last = self._lists(bench, iterator, heads, level + 1)
        place = bench.place(iterator, slot_walk.RMAP)
        now = as_pointer(bench.memory.read(iterator, place.offset, place.width))
        assert now is not None
        return SlotWalkStep(
            level=level,
            last_level=last_level,
            more=any_of(*filled.values()),
            at_next=at,
            frame_of_it=frame,
            anew=all_of(
                first,
                last,
                eq(bench.read(iterator, slot_walk.LEVEL), level + 1),
                eq(bench.read(iterator, slot_walk.GFN), start),
            ),
            ended=now.is_null,
            evidence=bench.session.evidence(),
        )

    @once
    def round(self) -> SlotWalkRound:
        """See `SlotWalks.round`."""
        function = self._unit.function(*_WALKS).name
        handler = self._unit.function(*(cut.function for cut in cuts.HANDLERS)).name
        bench = Bench(self._unit, cuts.ROUNDS, any_round=frozenset({function}))
        bench.add("kvm", kvm_vm.STRUCT)
        slot = bench.add("slot", kvm_memory_slot.STRUCT)
        told = {name: var(name, 32) for name in (slot_walk.START_LEVEL, slot_walk.END_LEVEL)}
        told |= {name: var(name, 64) for name in (slot_walk.START_GFN, slot_walk.END_GFN)}
        flags = {name: var(name, 8) & 1 for name in ("can_yield", "flush_on_yield", "flush")}
        does = Pointer((Target(guard=TRUE, function=FunctionRef(handler, known=True)),))
        session = bench.session
        answer = session.integer(
            bench.memory, function, objects=bench.objects, values={**told, **flags}, pointers={"fn": does}
        )
        made = session.round(function)
        walk, stale = variable_of(made, slot_walk.STRUCT), parameter_of(made, "flush")
        place = bench.place(walk, slot_walk.RMAP)
        rmap = as_pointer(made.head.read(walk, place.offset, place.width))
        if rmap is None or made.end is None:
            raise NotThere([f"the list at which a round of {function}() is"])
        handles, yields = session.calls(handler), session.calls(cuts.YIELD.function)
        flushes = session.calls(*(cut.function for cut in flush_ranges.RANGE))
        order = list(session.machine.calls_made)
        late = [call for call in flushes if any(order.index(call) > order.index(each) for each in yields)]
        first, count = numbers_given(flushes[0]) if len(flushes) == 1 else (bv(0, 64), bv(0, 64))
        if len(flushes) > 1:
            raise NotThere([f"the one range that {function}() flushes"])
        has_choice = "can_yield" in self._unit.parameter_names(function)
        return SlotWalkRound(
            here=negate(rmap.is_null),
            handled=is_called(handles, rmap, pointer_to(slot)),
            level=bench.read(walk, slot_walk.LEVEL, made.head),
            start_level=told[slot_walk.START_LEVEL],
            start=told[slot_walk.START_GFN],
            end=told[slot_walk.END_GFN],
            gfn=bench.read(walk, slot_walk.GFN, made.head),
            due_at_first=ne(flags["flush"], 0),
            stale=ne(read(made.head, stale, 0, 8), 0),
            changes=is_answered_yes(handles),
            may_yield=ne(flags["can_yield"], 0) if has_choice else TRUE,
            flushes_first=ne(flags["flush_on_yield"], 0),
            yields=any_of(*(call.guard for call in yields)),
            flushed=any_of(*(call.guard for call in flushes if call not in late)),
            first=first,
            count=count,
            stale_after=ne(read(made.end, stale, 0, 8), 0),
            stale_told=any_of(negate(rmap.is_null), iff(ne(answer, 0), ne(read(made.head, stale, 0, 8), 0))),
            evidence=session.evidence(),
        )
