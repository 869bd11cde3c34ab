"""Guest page tables that a lifted tree shadows: ``mmu.c`` and ``page_track.c``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mmuproof.lift.c_types import ArrayType, IntType
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import NULL, Object, ObjectKind, Pointer, Value, choose, pointer_to, same_place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import flush_ranges
from mmuproof.model.cuts import guest_tables as cuts
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
from mmuproof.model.lifted import address_spaces
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_answered_yes, is_nonzero, numbers_given
from mmuproof.model.lifted.listed_pages import PageListBench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import has_member, member, read
from mmuproof.model.lifted.tdp_mmu_use import uses_tdp_mmu
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, kvm_vm, page_role, switches
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bv, eq, ne, negate, resize, var, zext

_SHORT = IntType(16, False, "unsigned short")
_INDEX, _ROOM = 3, 4
"""An index for all frames, and how many counts of an array there are to look at."""
_IS_TRACKED, _UNSYNCS = functions.KVM_GFN_IS_WRITE_TRACKED, functions.MMU_TRY_TO_UNSYNC_PAGES
_FORMER_IS_TRACKED = functions.KVM_SLOT_PAGE_TRACK_IS_ACTIVE


class _WritersDesk(Bench):
    """A bench with a VM, and a slot in each of two address spaces with counts of who wants to know of writes."""

    def __init__(
        self, unit: Unit, *linked: Unit, more: tuple[Cut, ...] = (), followed: tuple[Cut, ...] = cuts.TRACKED
    ) -> None:
        self.slots = [
            Object(name=name, type=unit.record(kvm_memory_slot.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
            for name in ("slot", "other slot")
        ]
        self._spaces = [
            Object(name=name, type=unit.record(kvm_memory_slot.SLOTS), kind=ObjectKind.INPUT, by_pointer=True)
            for name in ("slots", "other slots")
        ]
        self._find: Callable[[Value | None], Pointer] = lambda _: pointer_to(self.slots[0])
        self._space: BitVec | None = None
        changed = (
            replace(cuts.INDEX, gives=bv(_INDEX, 64)),
            replace(cuts.SPACE, gives=self._slots_of),
            replace(cuts.SLOT_OF, gives=lambda arguments: self._find(arguments[0])),
        )
        known = (cut for cut in cuts.CUTS if cut not in (cuts.INDEX, cuts.SPACE, cuts.SLOT_OF, *followed))
        super().__init__(unit, (*changed, *more, *known), linked=linked)
        self.kvm = self.add("kvm", kvm_vm.STRUCT)
        self.objects[kvm_memory_slot.STRUCT] = pointer_to(self.slots[0])
        self.counts = [self._counts(slot) for slot in self.slots]

    def _slots_of(self, arguments: Sequence[Value | None]) -> Value:
        """The slots of an address space: its own are those of the space that is told, if one is."""
        space = arguments[1]
        assert isinstance(space, BitVec)
        own, others = map(pointer_to, self._spaces)
        return own if self._space is None else choose(eq(space, self._space), own, others)

    def _counts(self, slot: Object) -> Object:
        array = ArrayType(_SHORT, _ROOM, f"unsigned short[{_ROOM}]")
        made = Object(name=f"counts of the {slot.name}", type=array, kind=ObjectKind.INPUT, by_pointer=True)
        place = member(
            self.unit.record(kvm_memory_slot.STRUCT), kvm_memory_slot.GFN_WRITE_TRACK, kvm_memory_slot.GFN_TRACK
        )
        self.memory.write(slot, place.offset, 64, pointer_to(made))
        return made

    def count(self, space: int) -> BitVec:
        """How many want to know of writes to the frame."""
        return read(self.memory, self.counts[space], _INDEX * _SHORT.bits, _SHORT.bits)

    def of_frame(self, call: CallMade, gfn: BitVec, slot: Object) -> Bool:
        """Whether a call is made for a frame of a slot."""
        told = self.session.pointer_argument(call, "slot")
        return all_of(call.guard, eq(self.session.argument(call, "gfn"), gfn), same_place(told, pointer_to(slot)))

    def look_in_other_space(self) -> Bool:
        """Let what is looked up be what the other address space has: whether it has a slot with the frame."""
        other = address_spaces.slot_or_none(self.slots[1])
        self._find = lambda _: other
        return address_spaces.OTHER_SLOT

    def look_in_both_spaces(self, space: BitVec) -> Bool:
        """Let what is looked up be what the address space has: whether the one that is not this has the frame."""
        own_slots, own = pointer_to(self._spaces[0]), pointer_to(self.slots[0])
        other = address_spaces.slot_or_none(self.slots[1])
        self._space = space

        def found(slots: Value | None) -> Pointer:
            assert isinstance(slots, Pointer)
            slot = choose(same_place(slots, own_slots), own, other)
            assert isinstance(slot, Pointer)
            return slot

        self._find = found
        return all_of(self.has_other_space(), address_spaces.OTHER_SLOT)

    def has_other_space(self) -> Bool:
        """Whether the VM has two address spaces."""
        return address_spaces.has_other_space(self, self.kvm)

    def in_other_space(self, space: BitVec) -> Bool:
        """Whether slots are looked up in the address space that is not this one."""
        return address_spaces.in_other_space(self.session, space)

    def is_asked_of(self, gfn: BitVec) -> Bool:
        """Whether slots and counts are looked up for a frame."""
        told = self.session.argument
        return all_of(
            *(
                any_of(negate(call.guard), all_of(eq(told(call, "gfn"), gfn), eq(told(call, "level"), 1)))
                for call in self.session.calls(cuts.INDEX.function)
            ),
            address_spaces.at_frame(self.session, gfn),
        )


class LiftedGuestTables(GuestTables, Remembers):
    """What a lifted tree does about guest page tables.

    Args:
        unit: ``mmu.c``.
        tracking: ``page_track.c``.
        _tdp: ``tdp_mmu.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, tracking: Unit, _tdp: Unit) -> None:
        super().__init__()
        self._unit, self._tracking = unit, tracking

    @once
    def accounted(self, shadowing: Shadowing) -> TableAccounted:
        """See `GuestTables.accounted`."""
        desk = _WritersDesk(self._unit, self._tracking)
        page, (slot, other) = desk.add("sp", kvm_mmu_page.STRUCT), desk.slots
        level, gfn = zext(desk.flag(page, kvm_mmu_page.ROLE, page_role.LEVEL), 32), desk.read(page, kvm_mmu_page.GFN)
        space = address_spaces.space_of(desk, page)
        elsewhere = desk.look_in_both_spaces(space)
        pages, writers = desk.read(desk.kvm, kvm_vm.INDIRECT_SHADOW_PAGES), desk.count(0)
        desk.call(shadowing.value)
        told, calls = desk.session.argument, desk.session.calls
        protects = calls(cuts.PROTECT.function)
        ranges = [(call.guard, numbers_given(call)) for call in calls(*(cut.function for cut in flush_ranges.RANGE))]
        return TableAccounted(
            function=shadowing.value,
            begins=shadowing is Shadowing.BEGINS,
            level=level,
            in_slot=all_of(
                desk.is_asked_of(gfn),
                any_of(*(all_of(call.guard, eq(told(call, "as_id"), space)) for call in calls(cuts.SPACE.function))),
            ),
            writes_counted=self._counted(desk),
            pages_before=resize(pages, 32),
            pages_after=resize(desk.read(desk.kvm, kvm_vm.INDIRECT_SHADOW_PAGES), 32),
            writers_before=writers,
            writers_after=desk.count(0),
            forbidden=any_of(*(desk.of_frame(call, gfn, slot) for call in calls(cuts.DISALLOW.function))),
            allowed=any_of(*(desk.of_frame(call, gfn, slot) for call in calls(cuts.ALLOW.function))),
            protects=any_of(
                *(all_of(desk.of_frame(call, gfn, slot), eq(told(call, "min_level"), 1)) for call in protects)
            ),
            stale=is_answered_yes(protects),
            other_slot=elsewhere,
            protects_elsewhere=any_of(
                *(all_of(desk.of_frame(call, gfn, other), eq(told(call, "min_level"), 1)) for call in protects)
            ),
            flushed=any_of(
                *(call.guard for call in calls(flush_ranges.ALL.function)),
                *(all_of(guard, eq(first, gfn), eq(count, 1)) for guard, (first, count) in ranges),
            ),
            evidence=desk.session.evidence(),
        )

    def _counted(self, desk: _WritersDesk) -> Bool:
        """Whether counts are kept of who wants to know of writes: tables are shadowed, or others track writes."""
        external = kvm_vm.EXTERNAL_WRITE_TRACKING_ENABLED
        others = has_member(self._unit.record(kvm_vm.STRUCT), [external])
        return any_of(
            ne(desk.read(desk.kvm, kvm_vm.SHADOW_ROOT_ALLOCATED), 0),
            negate(desk.setting(switches.TDP_ENABLED)),
            ne(desk.read(desk.kvm, external), 0) if others else FALSE,
        )

    @once
    def tracked(self) -> WritesTracked:
        """See `GuestTables.tracked`."""
        function = self._tracking.function(_IS_TRACKED, _FORMER_IS_TRACKED)
        desk = _WritersDesk(self._tracking, self._unit)
        there, gfn = desk.look_in_other_space(), var("gfn", 64)
        own, others, space = desk.count(0), desk.count(1), zext(desk.read(desk.slots[0], kvm_memory_slot.AS_ID), 32)
        answer = desk.integer(function.name, gfn=gfn, mode=bv(0, 32))
        return WritesTracked(
            function=function.name,
            writes_counted=self._counted(desk),
            has_other_space=desk.has_other_space(),
            space=space,
            own=own,
            other_slot=there,
            other=others,
            asked=all_of(desk.is_asked_of(gfn), desk.in_other_space(space)),
            answer=ne(answer, 0),
            evidence=desk.session.evidence(),
        )

    @once
    def huge_allowed(self) -> HugeAllowed | None:
        """See `GuestTables.huge_allowed`."""
        function, record = cuts.HUGE_ALLOWED.function, self._unit.record(kvm_memory_slot.LPAGE_INFO)
        if self._unit.find_function(function) is None:
            return None
        infos = [
            Object(name=name, type=record, kind=ObjectKind.INPUT, by_pointer=True) for name in ("info", "other info")
        ]

        def info_of(arguments: Sequence[Value | None]) -> Value:
            slot = arguments[1]
            assert isinstance(slot, Pointer)
            return choose(same_place(slot, pointer_to(desk.slots[0])), *map(pointer_to, infos))

        desk = _WritersDesk(self._unit, more=(replace(cuts.INFO, gives=info_of),), followed=(cuts.HUGE_ALLOWED,))
        there, gfn, level = desk.look_in_other_space(), var("gfn", 64), var("level", 32)
        own, other = (desk.read(info, kvm_memory_slot.DISALLOW_LPAGE) for info in infos)
        space = zext(desk.read(desk.slots[0], kvm_memory_slot.AS_ID), 32)
        answer, told = desk.integer(function, gfn=gfn, level=level), desk.session.argument
        of_level = [
            any_of(negate(call.guard), all_of(eq(told(call, "gfn"), gfn), eq(told(call, "level"), level)))
            for call in desk.session.calls(cuts.INFO.function)
        ]
        return HugeAllowed(
            function=function,
            has_other_space=desk.has_other_space(),
            space=space,
            own=own,
            other_slot=there,
            other=other,
            asked=all_of(desk.is_asked_of(gfn), desk.in_other_space(space), *of_level),
            answer=ne(answer, 0),
            evidence=desk.session.evidence(),
        )

    @once
    def unsynced(self) -> TableUnsynced:
        """See `GuestTables.unsynced`."""
        bench = PageListBench(self._unit, cuts.CUTS, _UNSYNCS)
        slot, gfn = bench.add("slot", kvm_memory_slot.STRUCT), var("gfn", 64)
        flags = {each: var(each, 8) & 1 for each in ("synchronizing", "prefetch")}
        flags["can_unsync"] = 1 - flags["synchronizing"]
        answer = bench.session.integer(bench.memory, _UNSYNCS, objects=bench.objects, values={"gfn": gfn, **flags})
        session, made = bench.session, bench.session.round(_UNSYNCS)
        page, head = bench.page_of(made), made.head
        asks = session.calls(*(cut.function for cut in (*cuts.TRACKED, cuts.HUGE_ALLOWED)))
        asked = bench.looked_up(gfn)
        for call in asks:
            told = session.pointer_argument(call, "slot")
            right = all_of(eq(session.argument(call, "gfn"), gfn), same_place(told, pointer_to(slot)))
            asked = all_of(asked, any_of(negate(call.guard), right))
        tracked, huge = (
            any_of(
                *(
                    all_of(call.guard, is_nonzero(call))
                    for call in asks
                    if (call.function == cuts.HUGE_ALLOWED.function) is among
                )
            )
            for among in (False, True)
        )
        return TableUnsynced(
            function=_UNSYNCS,
            tracked=tracked,
            asked=asked,
            huge_allowed=huge,
            synchronizing=ne(flags["synchronizing"], 0),
            prefetch=ne(flags["prefetch"], 0),
            page=bench.listed(made, gfn),
            unsync=ne(bench.read(page, kvm_mmu_page.UNSYNC, head), 0),
            goes_on=made.goes_on,
            unsync_after=FALSE if made.end is None else ne(bench.read(page, kvm_mmu_page.UNSYNC, made.end), 0),
            parents_told=any_of(
                *(
                    all_of(call.guard, same_place(session.pointer_argument(call, "sp"), pointer_to(page)))
                    for call in session.calls(cuts.PARENTS.function)
                )
            ),
            answer=answer,
            evidence=session.evidence(),
        )

    @once
    def protected(self, min_level: int) -> FrameProtected:
        """See `GuestTables.protected`."""
        function = cuts.PROTECT.function
        record = self._unit.record(kvm_memory_slot.RMAP_HEAD)
        heads = [
            Object(name=f"what maps the frame at level {level}", type=record, kind=ObjectKind.INPUT, by_pointer=True)
            for level in range(1, HUGEST + 1)
        ]

        def at_level(arguments: Sequence[Value | None]) -> Value:
            named = dict(zip(self._unit.parameter_names(cuts.RMAP.function), arguments, strict=True))
            level = named.get("level")
            found: Value = NULL
            assert isinstance(level, BitVec)
            for number, head in enumerate(heads, 1):
                found = choose(eq(level, number), pointer_to(head), found)
            return found

        known = (cut for cut in cuts.CUTS if cut not in (cuts.RMAP, cuts.PROTECT))
        bench = Bench(self._unit, (replace(cuts.RMAP, gives=at_level), *known))
        kvm, slot = bench.add("kvm", kvm_vm.STRUCT), bench.add("slot", kvm_memory_slot.STRUCT)
        gfn, session = var("gfn", 64), bench.session
        answer = bench.integer(function, gfn=gfn, min_level=bv(min_level, 32))
        right = all_of(
            *(
                any_of(
                    negate(call.guard),
                    all_of(
                        eq(session.argument(call, "gfn"), gfn),
                        same_place(session.pointer_argument(call, "slot"), pointer_to(slot)),
                    ),
                )
                for call in session.calls(cuts.RMAP.function)
            )
        )
        levels, had = [FALSE] * HUGEST, [FALSE] * HUGEST
        for call in session.calls(cuts.RMAP_PROTECT.function):
            told, for_table = session.pointer_argument(call, "rmap_head"), session.argument(call, "pt_protect")
            for number, head in enumerate(heads):
                here = all_of(call.guard, right, same_place(told, pointer_to(head)), ne(for_table, 0))
                levels[number] = any_of(levels[number], here)
                had[number] = any_of(had[number], all_of(here, is_nonzero(call)))
        tdp = session.only_call(cuts.TDP_PROTECT.function)
        return FrameProtected(
            function=function,
            min_level=min_level,
            shadowed=session.says(cuts.HAVE_RMAPS.function),
            tdp_mmu=uses_tdp_mmu(bench, kvm),
            levels=tuple(levels),
            had=tuple(had),
            tdp=all_of(
                tdp.guard,
                eq(session.argument(tdp, "gfn"), gfn),
                eq(session.argument(tdp, "min_level"), min_level),
                same_place(session.pointer_argument(tdp, "slot"), pointer_to(slot)),
            ),
            tdp_had=is_nonzero(tdp),
            answer=ne(answer, 0),
            evidence=session.evidence(),
        )
