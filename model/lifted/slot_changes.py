"""What a lifted tree makes of a memory slot, and takes away with it: ``x86.c`` and ``mmu.c``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.c_types import ArrayType, RecordType
from mmuproof.lift.machine.findings import CallMade, RoundMade
from mmuproof.lift.machine.memory import NULL, Object, ObjectKind, Pointer, Value, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import slot_changes as cuts
from mmuproof.model.cuts.guest_tables import NUMBER_OF, PAGES_OF, SPACE
from mmuproof.model.cuts.range_zaps import HAVE_RMAPS
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.address_spaces import spaces
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_answered_yes, is_called, is_given, is_nonzero, numbers_given
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.listed_pages import PageListBench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.lifted.variables import FLAG, NUMBER, WIDE, parameter_of, variable_like, variable_of
from mmuproof.model.named import constants, functions, kvm_gfn_range, kvm_memory_slot, kvm_vm, list_heads, slot_walk
from mmuproof.model.slot_changes import ROOM, ArraysMade, SlotChanges, SlotGone, SlotsZapped, TablesGone, is_looked_at
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bv, eq, iff, ite, ne, negate, resize, var

_MAKES, _TABLES, _ZAPS = (
    "kvm_alloc_memslot_metadata",
    functions.KVM_MMU_ZAP_MEMSLOT_PAGES_AND_FLUSH,
    functions.KVM_RMAP_ZAP_GFN_RANGE,
)
_GOES = ("kvm_arch_flush_shadow_memslot", "kvm_mmu_invalidate_zap_pages_in_memslot")
_FORBIDS = "disallow_lpage"
_LOWEST = 2
_FILTERS = ("KVM_FILTER_PRIVATE", "KVM_FILTER_SHARED")


class LiftedSlotChanges(SlotChanges, Remembers):
    """Slots of a lifted tree.

    Args:
        x86: ``x86.c``.
        mmu: ``mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, x86: Unit, mmu: Unit, _spte: Unit) -> None:
        super().__init__()
        self._x86, self._mmu = x86, mmu

    @once
    def arrays(self, level: int) -> ArraysMade:
        """See `SlotChanges.arrays`."""
        info = self._x86.record(kvm_memory_slot.LPAGE_INFO)
        type_ = ArrayType(info, ROOM, f"{kvm_memory_slot.LPAGE_INFO}[{ROOM}]")
        arrays: list[Object] = []

        def allocated(_arguments: Sequence[Value | None]) -> Value:
            made = Object(name=f"array {len(arrays)}", type=type_, kind=ObjectKind.ZERO, by_pointer=True)
            arrays.append(made)
            return pointer_to(made)

        known = tuple(replace(cut, gives=allocated) if cut in cuts.ALLOCATE else cut for cut in cuts.MAKES)
        bench = Bench(self._x86, known)
        bench.add("kvm", kvm_vm.STRUCT)
        slot = bench.add("slot", kvm_memory_slot.STRUCT)
        base, pages, address = (
            bench.read(slot, name)
            for name in (kvm_memory_slot.BASE_GFN, kvm_memory_slot.NPAGES, kvm_memory_slot.USERSPACE_ADDR)
        )
        answer, session = bench.integer(_MAKES, npages=pages), bench.session
        places = bench.place(slot, kvm_memory_slot.ARCH_LPAGE_INFO)
        offset = places.offset + (level - _LOWEST) * 64
        held = as_pointer(bench.memory.read(slot, offset, 64))
        number, small = level - _LOWEST, is_looked_at(level, base, pages, address)
        if held is None or number >= len(arrays):
            raise NotThere([f"an array for level {level} in {_MAKES}()"])
        allocations = session.calls(*(cut.function for cut in cuts.ALLOCATE))
        rmaps = session.calls(cuts.RMAPS.function)
        return ArraysMade(
            level=level,
            base=base,
            pages=pages,
            address=address,
            small=small,
            succeeds=all_of(small, eq(answer, 0)),
            put=all_of(small, same_place(held, pointer_to(arrays[number]))),
            length=resize(numbers_given(allocations[number])[0], 64),
            forbidden=tuple(
                ne(read(bench.memory, arrays[number], each * info.bits, info.bits), 0) for each in range(ROOM)
            ),
            has_rmaps=session.says(HAVE_RMAPS.function),
            makes_rmaps=any_of(
                *(all_of(c.guard, is_given(c, pointer_to(slot)), eq(numbers_given(c)[0], pages)) for c in rmaps)
            ),
            evidence=session.evidence(),
        )

    @once
    def gone(self) -> SlotGone:
        """See `SlotChanges.gone`."""
        bench = Bench(self._mmu, cuts.GOES)
        bench.add("kvm", kvm_vm.STRUCT)
        slot = bench.add("slot", kvm_memory_slot.STRUCT)
        function, session = self._mmu.function(*_GOES).name, bench.session
        session.call(bench.memory, function, objects=bench.objects, pointers={"node": NULL})
        begins, ends = session.calls(*(cut.function for cut in cuts.ALL)), session.calls(cuts.REST.function)
        whole = [call for call in begins if call.function == cuts.ALL[1].function]
        base, pages = (bench.read(slot, name) for name in (kvm_memory_slot.BASE_GFN, kvm_memory_slot.NPAGES))
        taken: list[Bool] = []
        told: list[Bool] = []
        for call in session.calls(cuts.UNMAP.function):
            taken.append(all_of(call.guard, self._is_whole(bench, call, slot, base, base + pages)))
            due = is_nonzero(call)
            told.extend(
                all_of(each.guard, is_given(each, pointer_to(slot)), iff(ne(numbers_given(each)[0], 0), due))
                for each in session.calls(cuts.TABLES.function)
            )
        return SlotGone(
            all_given_up=any_of(*(call.guard for call in begins)),
            ended=any_of(*(call.guard for call in (*whole, *ends))),
            range_taken=any_of(*taken),
            tables_taken=any_of(*told),
            evidence=session.evidence(),
        )

    def _is_whole(self, bench: Bench, call: CallMade, slot: Object, start: BitVec, end: BitVec) -> Bool:
        """Whether a call is told of all frames of a slot, whoever has them, and may wait."""
        pointers = [each for each in call.arguments if isinstance(each, Pointer)]
        ranges = {target.place.object for each in pointers for target in each.targets if target.place is not None}
        found = [
            each for each in ranges if isinstance(each.type, RecordType) and each.type.name == kvm_gfn_range.STRUCT
        ]
        if len(found) != 1:
            raise NotThere([f"the range that {call.function}() is told of"])
        place = bench.place(found[0], kvm_gfn_range.SLOT)
        assert call.memory is not None
        of_slot = as_pointer(call.memory.read(found[0], place.offset, place.width))
        assert of_slot is not None
        right = [
            same_place(of_slot, pointer_to(slot)),
            eq(bench.read(found[0], kvm_gfn_range.START, call.memory), start),
            eq(bench.read(found[0], kvm_gfn_range.END, call.memory), end),
        ]
        # Where all roots are of one kind it does not matter whose frames are meant.
        if self._mmu.constant(constants.KVM_DIRECT_ROOTS) is not None:
            asked = bench.read(found[0], kvm_gfn_range.ATTR_FILTER, call.memory)
            right.extend(ne(asked & constant_of(self._mmu, name), 0) for name in _FILTERS)
        return all_of(*right)

    @once
    def tables_gone(self) -> TablesGone | None:
        """See `SlotChanges.tables_gone`."""
        if not self._mmu.has_function(_TABLES):
            return None
        bench = PageListBench(self._mmu, cuts.TAKES, _TABLES)
        slot = bench.add("slot", kvm_memory_slot.STRUCT)
        for each in (slot, bench.kvm, *bench.memory.changed):
            each.settled = True
        bench.call(_TABLES, flush=var("flush", 8) & 1)
        session = bench.session
        inner, outer = session.rounds(_TABLES, 2)
        number = variable_like(outer, WIDE, "i")
        due = parameter_of(outer, "flush")
        pages, base = (bench.read(slot, name) for name in (kvm_memory_slot.NPAGES, kvm_memory_slot.BASE_GFN))
        ends = session.calls(cuts.END.function)
        queue = variable_of(outer, list_heads.LIST)
        now = read(outer.head, number, 0, 64)
        page = bench.page_of(inner)

        def told(call: CallMade, made: RoundMade) -> Bool:
            given, stale = ne(numbers_given(call)[0], 0), ne(read(made.head, due, 0, 8), 0)
            return all_of(call.guard, is_given(call, pointer_to(queue)), any_of(given, negate(stale)))

        looks = session.calls(PAGES_OF.function, NUMBER_OF.function)
        return TablesGone(
            none=ne(var(f"{cuts.EMPTY.function}()", 32), 0),
            first=read(outer.entered, number, 0, 64),
            number=now,
            pages=pages,
            looks=any_of(*(all_of(call.guard, eq(session.argument(call, "gfn"), base + now)) for call in looks)),
            page=bench.listed(inner, base + now),
            given_up=is_called(session.calls(cuts.GIVE_UP.function), pointer_to(page), pointer_to(queue)),
            after=now if outer.end is None else read(outer.end, number, 0, 64),
            goes_on=outer.goes_on,
            due=ne(read(outer.head, due, 0, 8), 0),
            yields=session.called(cuts.YIELD.function),
            flushed_between=any_of(*(told(call, outer) for call in ends[:-1])),
            flushed_after=told(ends[-1], outer),
            ends=ends[-1].guard,
            evidence=session.evidence(),
        )

    @once
    def zapped(self) -> SlotsZapped:
        """See `SlotChanges.zapped`."""
        bench = Bench(self._mmu, cuts.ZAPS, any_round=frozenset({_ZAPS}))
        kvm = bench.add("kvm", kvm_vm.STRUCT)
        kvm.settled = True
        start, end = var("gfn_start", 64), var("gfn_end", 64)
        answer, session = bench.integer(_ZAPS, gfn_start=start, gfn_end=end), bench.session
        inner, outer = session.rounds(_ZAPS, 2)
        space = variable_like(outer, NUMBER, "i")
        due = variable_like(inner, FLAG, "flush")
        walk = variable_of(inner, slot_walk.SLOTS_WALK)
        place = bench.place(walk, slot_walk.SLOT)
        slot = as_pointer(inner.head.read(walk, place.offset, place.width))
        found = [target.place.object for target in slot.targets if target.place is not None] if slot is not None else []
        if len(found) != 1 or inner.end is None or outer.end is None:
            raise NotThere([f"the slot at which a round of {_ZAPS}() is"])
        now = read(outer.head, space, 0, 32)
        zaps = session.calls(*(cut.function for cut in cuts.WALKS))
        zap_start, zap_end, told = bv(0, 64), bv(0, 64), FALSE
        for call in zaps:
            first, last = [each for each in numbers_given(call) if each.width == 64][:2]
            # One is told the last frame, the other the frame after it.
            behind = last if call.function == cuts.WALKS[0].function else last + 1
            zap_start, zap_end = ite(call.guard, first, zap_start), ite(call.guard, behind, zap_end)
            given = ne(numbers_given(call)[-1], 0)
            told = any_of(told, all_of(call.guard, iff(given, ne(read(inner.head, due, 0, 8), 0))))
        changed = is_answered_yes(zaps)
        spaces_asked, starts = session.calls(SPACE.function), session.calls(cuts.START.function)
        return SlotsZapped(
            needed=session.says(HAVE_RMAPS.function),
            spaces=spaces(bench.unit, bench.memory, kvm),
            first_space=read(outer.entered, space, 0, 32),
            space=now,
            looks=all_of(
                any_of(*(all_of(call.guard, eq(session.argument(call, "as_id"), now)) for call in spaces_asked)),
                any_of(*(all_of(call.guard, eq(numbers_given(call)[0], start)) for call in starts)),
            ),
            space_after=read(outer.end, space, 0, 32),
            next_space=outer.goes_on,
            there=all_of(
                inner.goes_on, *(eq(numbers_given(call)[0], end) for call in session.calls(cuts.VALID.function))
            ),
            start=start,
            end=end,
            base=bench.read(found[0], kvm_memory_slot.BASE_GFN, inner.head),
            pages=bench.read(found[0], kvm_memory_slot.NPAGES, inner.head),
            zaps=is_called(zaps, slot) if slot is not None else FALSE,
            zap_start=zap_start,
            zap_end=zap_end,
            told_due=told,
            due_kept=iff(ne(read(inner.end, due, 0, 8), 0), changed),
            answer_due=iff(ne(answer, 0), ne(read(outer.head, due, 0, 8), 0)),
            evidence=session.evidence(),
        )
