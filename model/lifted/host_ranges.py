"""What a lifted tree does when the host takes memory of a VM away: ``kvm_main.c``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.c_types import ArrayType
from mmuproof.lift.machine.memory import NULL, Object, ObjectKind, Pointer, Value, pointer_to, same_place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import host_ranges as cuts
from mmuproof.model.host_ranges import (
    SLOTS,
    SPACES,
    HostRangeGone,
    HostRanges,
    InvalidationCounts,
    SlotInRange,
    SlotLies,
    any_slot,
)
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import any_before, is_answered_yes
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import functions, host_kernel, kvm_gfn_range, kvm_memory_slot, kvm_vm
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, boolean, bv, ite, ne, negate

_BEGINS, _ENDS = (f"kvm_mmu_notifier_invalidate_range_{each}" for each in ("start", "end"))
_BLOCKABLE = 1
"""MMU_NOTIFIER_RANGE_BLOCKABLE."""
_UNLOCKS = (functions.RAW_WRITE_UNLOCK, functions.INNER_RAW_WRITE_UNLOCK)


class LiftedHostRanges(HostRanges, Remembers):
    """What a lifted tree does.

    Args:
        unit: ``kvm_main.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def begins(self) -> HostRangeGone:
        """See `HostRanges.begins`."""
        return self._gone(_BEGINS, SPACES)

    @once
    def ends(self) -> HostRangeGone:
        """See `HostRanges.ends`."""
        return self._gone(_ENDS, 1)

    def _object(self, name: str, record: str) -> Object:
        made = Object(name=name, type=self._unit.record(record), kind=ObjectKind.INPUT, by_pointer=True)
        made.settled = True
        return made

    def _gone(self, function: str, reached: int) -> HostRangeGone:
        """What a function does with a range that reaches slots of so many address spaces."""
        trees = [self._object(f"slots{space}", kvm_memory_slot.SLOTS) for space in range(SPACES)]
        slots = [
            [self._object(f"slot{space}{number}", kvm_memory_slot.STRUCT) for number in range(SLOTS)]
            for space in range(reached)
        ]
        bench = self._bench(trees, slots)
        kvm, told = bench.add("kvm", kvm_vm.STRUCT), bench.add("range", host_kernel.MMU_NOTIFIER_RANGE)
        kvm.settled = told.settled = True
        spaces = self._link(bench, kvm, trees)
        for space, of_space in enumerate(slots):
            for number, slot in enumerate(of_space):
                self._lay(bench, slot, any_slot(space, number))
        bench.objects[host_kernel.MMU_NOTIFIER] = pointer_to(kvm, bench.place(kvm, kvm_vm.MMU_NOTIFIER).offset)
        before = self._counts(bench, kvm)
        bench.call(function)
        start, end = (bench.read(told, path) for path in (host_kernel.RANGE_START, host_kernel.RANGE_END))
        return HostRangeGone(
            start=start,
            end=end,
            blocks=ne(bench.read(told, host_kernel.RANGE_FLAGS) & _BLOCKABLE, 0),
            slots=tuple(
                self._slot(bench, slot, any_slot(space, number), spaces[space])
                for space, of_space in enumerate(slots)
                for number, slot in enumerate(of_space)
            ),
            by_address=not self._unit.has_function(functions.KVM_MMU_INVALIDATE_RANGE_ADD),
            before=before,
            after=self._counts(bench, kvm),
            flushed=self._flushed(bench),
            evidence=bench.session.evidence(),
        )

    def _bench(self, trees: Sequence[Object], slots: Sequence[Sequence[Object]]) -> Bench:
        """A bench on which a search in the host's trees finds each slot of an address space, one after another."""

        def node(slot: Object) -> Pointer:
            return pointer_to(slot, bench.place(slot, kvm_memory_slot.HVA_NODE).offset)

        def first(arguments: Sequence[Value | None]) -> Value:
            space = trees.index(_leads_to(arguments))
            return node(slots[space][0]) if space < len(slots) else NULL

        def following(arguments: Sequence[Value | None]) -> Value:
            found = _leads_to(arguments)
            (later,) = (each[each.index(found) + 1 :] for each in slots if found in each)
            return node(later[0]) if later else NULL

        known = {cuts.FIRST: first, cuts.NEXT: following}
        bench = Bench(self._unit, tuple(replace(cut, gives=known.get(cut)) for cut in cuts.CUTS))
        return bench

    @staticmethod
    def _link(bench: Bench, kvm: Object, trees: Sequence[Object]) -> tuple[Bool, ...]:
        """Give a VM the slots of its address spaces; which of them it has."""
        place = bench.place(kvm, kvm_vm.MEMSLOTS)
        assert isinstance(place.type, ArrayType)
        for space, tree in enumerate(trees[: place.type.count]):
            stride = place.type.element.bits
            bench.memory.write(kvm, place.offset + space * stride, stride, pointer_to(tree))
            # Slots are in two lists each, of which either is in use.
            bench.write(tree, kvm_memory_slot.NODE_IDX, bv(0, 32))
        # A confidential VM has no system-management mode, for which the second space is.
        try:
            confidential = ne(bench.read(kvm, kvm_vm.HAS_PRIVATE_MEM), 0)
        except NotThere:
            confidential = FALSE
        return tuple(
            all_of(boolean(space < place.type.count), negate(confidential) if space else TRUE)
            for space in range(len(trees))
        )

    @staticmethod
    def _lay(bench: Bench, slot: Object, lies: SlotLies) -> None:
        bench.write(slot, kvm_memory_slot.BASE_GFN, lies.base)
        bench.write(slot, kvm_memory_slot.NPAGES, lies.pages)
        bench.write(slot, kvm_memory_slot.USERSPACE_ADDR, lies.address)

    @staticmethod
    def _counts(bench: Bench, kvm: Object) -> InvalidationCounts:
        return InvalidationCounts(
            active=bench.read(kvm, kvm_vm.MMU_INVALIDATE_IN_PROGRESS),
            sequence=bench.read(kvm, kvm_vm.MMU_INVALIDATE_SEQ),
            first=bench.read(kvm, kvm_vm.MMU_INVALIDATE_RANGE_START),
            behind=bench.read(kvm, kvm_vm.MMU_INVALIDATE_RANGE_END),
        )

    @staticmethod
    def _slot(bench: Bench, slot: Object, lies: SlotLies, seen: Bool) -> SlotInRange:
        session, mine = bench.session, []
        for call in session.calls(cuts.UNMAP.function):
            if same_place(session.pointer_argument(call, kvm_gfn_range.SLOT), pointer_to(slot)) is TRUE:
                mine.append(call)

        def told(name: str, width: int) -> BitVec:
            # Where it is not called this says nothing.
            value = session.argument(mine[0], name) if mine else bv(0, width)
            for call in mine[1:]:
                value = ite(call.guard, session.argument(call, name), value)
            return value

        return SlotInRange(
            lies=lies,
            seen=seen,
            unmapped=any_of(*(call.guard for call in mine)),
            first=told(kvm_gfn_range.START, 64),
            behind=told(kvm_gfn_range.END, 64),
            may_yield=ne(told(kvm_gfn_range.MAY_BLOCK, 8), 0),
            due=is_answered_yes(mine),
        )

    @staticmethod
    def _flushed(bench: Bench) -> Bool:
        session = bench.session
        unlocks, flushes = session.calls(*_UNLOCKS), session.calls(cuts.FLUSH.function)
        return any_before(session.machine.calls_made, unlocks[-1], flushes) if unlocks else FALSE


def _leads_to(arguments: Sequence[Value | None]) -> Object:
    """The object into which the first argument of a call leads."""
    pointer = arguments[0]
    assert isinstance(pointer, Pointer)
    (place,) = (each.place for each in pointer.targets if each.place is not None)
    return place.object
