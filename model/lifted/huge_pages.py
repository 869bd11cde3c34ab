"""Where a lifted tree may use huge pages: ``mmu.c``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mmuproof.lift.c_types import ArrayType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.memory import Object, ObjectKind, Place, Pointer, pointer_to, same_place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import common, flush_ranges
from mmuproof.model.cuts import huge_pages as cuts
from mmuproof.model.cuts.guest_tables import SLOT_OF, SPACE
from mmuproof.model.huge_pages import HUGEST, CountChanged, FrameIndexed, HugePages, LevelChosen, LevelLowered
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted import address_spaces
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answered_last
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import has_member
from mmuproof.model.named import constants, functions, kvm_memory_slot, kvm_mmu_page, kvm_page_fault, kvm_vcpu, switches
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bool_var, bv, eq, implies, ne, negate, var, zext

_LOG_DIRTY_PAGES = 1
_CHOICE = functions.KVM_MMU_HUGEPAGE_ADJUST
_COUNTS = ("kvm_mmu_gfn_allow_lpage", "kvm_mmu_gfn_disallow_lpage")

_INDEX, _ROOM = 5, 8
"""An index for all, and how many entries of an array there are to look at."""

_FORMER_NOTE = kvm_mmu_page.LPAGE_DISALLOWED
"""The same where it is only counted, and every table taken for one that stands for a huge page."""


class SlotDesk(Bench):
    """A bench with a slot, and what may be found in the other address space."""

    def __init__(self, unit: Unit) -> None:
        self.other = Object(
            name="other slot", type=unit.record(kvm_memory_slot.STRUCT), kind=ObjectKind.INPUT, by_pointer=True
        )
        super().__init__(unit, (*cuts.CUTS, replace(SLOT_OF, gives=address_spaces.slot_or_none(self.other))))
        self.slot = self.add("slot", kvm_memory_slot.STRUCT)

    def infos(self, level: int, gfn: BitVec, of: Object) -> Iterator[tuple[Bool, str]]:
        """What a slot says at a frame, by its name, and where it has been asked for."""
        calls = self.session.calls(cuts.SLOT_INFO.function)
        if not calls:
            raise NotThere([f"{cuts.SLOT_INFO.function}()"])
        for call in calls:
            told, at = (self.session.argument(call, name) for name in ("gfn", "level"))
            slot = self.session.pointer_argument(call, "slot")
            right = all_of(call.guard, eq(told, gfn), eq(at, level), same_place(slot, pointer_to(of)))
            if right is not FALSE:
                yield right, call.tag

    def count_after(self, name: str) -> BitVec:
        """What a count is now."""
        found = next((each for each in self.memory.changed if each.name == name), None)
        return _count(name) if found is None else self.read(found, kvm_memory_slot.DISALLOW_LPAGE)


def _count(name: str) -> BitVec:
    return var(f"{name}->{kvm_memory_slot.DISALLOW_LPAGE}", 32)


def only_guest_memory(unit: Unit, desk: SlotDesk) -> Bool:
    """Whether the slot has no memory of the host's; a kernel without guest memory has no such slots."""
    if unit.constant(constants.CONFIG_KVM_GUEST_MEMFD) is None:
        return FALSE
    marked = unit.constant(constants.KVM_MEMSLOT_GMEM_ONLY)
    return FALSE if marked is None else ne(desk.read(desk.slot, kvm_memory_slot.FLAGS) & marked, 0)


def allows(desk: SlotDesk, level: int, gfn: BitVec, max_level: int) -> Bool:
    """Whether the slot has been asked at a frame, and forbids no page of a level, which is none above another."""
    if level > max_level:
        return FALSE
    return any_of(*(all_of(right, eq(_count(name), 0)) for right, name in desk.infos(level, gfn, desk.slot)))


class LiftedHugePages(HugePages, Remembers):
    """What a lifted tree does about huge pages.

    Args:
        unit: ``mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def chosen(self, max_level: int) -> LevelChosen:
        """See `HugePages.chosen`."""
        desk = SlotDesk(self._unit)
        vcpu = desk.add("vcpu", kvm_vcpu.STRUCT)
        fault = desk.add("fault", kvm_page_fault.STRUCT)
        desk.write(fault, kvm_page_fault.MAX_LEVEL, bv(max_level, 8))
        desk.write(fault, kvm_page_fault.SLOT, pointer_to(desk.slot))
        host = desk.session.global_object(switches.MAX_HUGE_PAGE_LEVEL)
        desk.memory.write(host, 0, host.type.bits, bv(HUGEST, host.type.bits))
        gfn, pfn, goal = (
            desk.read(fault, name) for name in (kvm_page_fault.GFN, kvm_page_fault.PFN, kvm_page_fault.GOAL_LEVEL)
        )
        executed, workaround = (
            ne(desk.read(fault, name), 0)
            for name in (kvm_page_fault.EXEC, kvm_page_fault.NX_HUGE_PAGE_WORKAROUND_ENABLED)
        )
        logged = ne(desk.read(desk.slot, kvm_memory_slot.FLAGS) & _LOG_DIRTY_PAGES, 0)
        private = has_member(self._unit.record(kvm_page_fault.STRUCT), [kvm_page_fault.IS_PRIVATE])
        is_private = ne(desk.read(fault, kvm_page_fault.IS_PRIVATE), 0) if private else FALSE
        desk.call(_CHOICE)
        calls = desk.session.calls(*(cut.function for cut in cuts.BACKING))
        asked, backing = answered_last(calls, 32)
        return LevelChosen(
            function=_CHOICE,
            max_level=max_level,
            gfn=gfn,
            pfn=pfn,
            pfn_after=desk.read(fault, kvm_page_fault.PFN),
            goal_level=goal,
            goal_after=desk.read(fault, kvm_page_fault.GOAL_LEVEL),
            executed=executed,
            workaround=workaround,
            disallowed=ne(desk.read(fault, kvm_page_fault.HUGE_PAGE_DISALLOWED), 0),
            logged=logged,
            is_private=is_private,
            allowed=tuple(allows(desk, level, gfn, max_level) for level in range(2, HUGEST + 1)),
            allowed_elsewhere=tuple(self._elsewhere(desk, level, gfn, vcpu) for level in range(2, HUGEST + 1)),
            backing_asked=asked,
            backing_level=backing,
            only_guest_memory=only_guest_memory(self._unit, desk),
            of_guest_memory=desk.session.called(cuts.GUEST_MEMORY.function),
            of_frame=all_of(
                *(
                    implies(
                        call.guard,
                        all_of(
                            eq(desk.session.argument(call, "gfn"), gfn),
                            same_place(desk.session.pointer_argument(call, "slot"), pointer_to(desk.slot)),
                        ),
                    )
                    for call in calls
                )
            ),
            evidence=desk.session.evidence(),
        )

    def _elsewhere(self, desk: SlotDesk, level: int, gfn: BitVec, vcpu: Object) -> Bool:
        """Whether nothing in the other address space forbids a page of a level: anything where it is not asked."""
        open_ = bool_var(f"the other address space allows a page of level {level}")
        if not desk.session.calls(SLOT_OF.function) or not desk.session.calls(SPACE.function):
            return open_
        own = zext(desk.read(desk.slot, kvm_memory_slot.AS_ID), 32)
        sought = all_of(address_spaces.in_other_space(desk.session, own), address_spaces.at_frame(desk.session, gfn))
        two = address_spaces.has_other_space(desk, desk.pointee(vcpu, kvm_vcpu.KVM))
        asked = [(all_of(sought, right), name) for right, name in desk.infos(level, gfn, desk.other)]
        return any_of(
            negate(two),
            all_of(sought, negate(address_spaces.OTHER_SLOT)),
            *(all_of(right, eq(_count(name), 0)) for right, name in asked),
            all_of(negate(any_of(*(right for right, _ in asked))), open_),
        )

    @once
    def counted(self, up: bool) -> CountChanged:
        """See `HugePages.counted`."""
        desk, gfn = SlotDesk(self._unit), var("gfn", 64)
        desk.call(_COUNTS[up], gfn=gfn)
        before: list[BitVec] = []
        after: list[BitVec] = []
        for level in range(2, HUGEST + 1):
            names = [name for _, name in desk.infos(level, gfn, desk.slot)]
            if len(names) != 1:
                raise NotThere([f"the count of level {level}"])
            before.append(_count(names[0]))
            after.append(desk.count_after(names[0]))
        return CountChanged(up=up, before=tuple(before), after=tuple(after), evidence=desk.session.evidence())

    @once
    def lowered(self) -> LevelLowered:
        """See `HugePages.lowered`."""
        unit = self._unit
        child_type = unit.record(kvm_mmu_page.STRUCT)
        child = Object(name="child", type=child_type, kind=ObjectKind.INPUT, by_pointer=True)
        found = [replace(cut, gives=pointer_to(child)) for cut in flush_ranges.CHILD]
        bench = Bench(unit, (*cuts.CUTS, *found))
        fault = bench.add("fault", kvm_page_fault.STRUCT)
        gfn, pfn, goal = (
            bench.read(fault, name) for name in (kvm_page_fault.GFN, kvm_page_fault.PFN, kvm_page_fault.GOAL_LEVEL)
        )
        has_note, had_note = (
            has_member(child_type, [name]) for name in (kvm_mmu_page.NX_HUGE_PAGE_DISALLOWED, _FORMER_NOTE)
        )
        if not has_note and not had_note:
            raise NotThere([f"kvm_mmu_page.{kvm_mmu_page.NX_HUGE_PAGE_DISALLOWED}"])
        spte, level = var("spte", 64), var("cur_level", 32)
        bench.call(functions.DISALLOWED_HUGEPAGE_ADJUST, spte=spte, cur_level=level)
        return LevelLowered(
            spte=spte,
            level=level,
            noted=ne(bench.read(child, kvm_mmu_page.NX_HUGE_PAGE_DISALLOWED), 0) if has_note else None,
            gfn=gfn,
            pfn=pfn,
            pfn_after=bench.read(fault, kvm_page_fault.PFN),
            goal_level=goal,
            goal_after=bench.read(fault, kvm_page_fault.GOAL_LEVEL),
            evidence=bench.session.evidence(),
        )

    @once
    def reverse_map(self, level: int) -> FrameIndexed:
        """See `HugePages.reverse_map`."""
        return self._indexed(functions.GFN_TO_RMAP, kvm_memory_slot.ARCH_RMAP, kvm_memory_slot.RMAP_HEAD, level, 1)

    @once
    def slot_info(self, level: int) -> FrameIndexed:
        """See `HugePages.slot_info`."""
        return self._indexed(
            functions.LPAGE_INFO_SLOT, kvm_memory_slot.ARCH_LPAGE_INFO, kvm_memory_slot.LPAGE_INFO, level, 2
        )

    def _indexed(self, function: str, member: str, record: str, level: int, lowest: int) -> FrameIndexed:
        """Where a slot keeps something, in arrays of which the first is for the lowest level."""
        bench = Bench(self._unit, common.CUTS)
        slot = bench.add("slot", kvm_memory_slot.STRUCT)
        gfn, base, pages, at = (
            var("gfn", 64),
            bench.read(slot, kvm_memory_slot.BASE_GFN),
            var("npages", 64),
            bv(level, 32),
        )
        index = bench.integer(cuts.INDEX.function, gfn=gfn, base_gfn=base, level=at)
        entries = bench.integer("__kvm_mmu_slot_lpages", npages=pages, level=at)
        finding = Bench(self._unit, (*common.CUTS, replace(cuts.INDEX, gives=bv(_INDEX, 64))))
        slot = finding.add("slot", kvm_memory_slot.STRUCT)
        entry, arrays = self._unit.record(record), finding.place(slot, member)
        array = ArrayType(entry, _ROOM, f"{record}[{_ROOM}]")
        for each in range(lowest, HUGEST + 1):
            made = Object(name=f"{member} of level {each}", type=array, kind=ObjectKind.INPUT, by_pointer=True)
            finding.memory.write(slot, arrays.offset + (each - lowest) * 64, 64, pointer_to(made))
            if each == level:
                wanted = Place(made, _INDEX * entry.bits)
        values = {"gfn": gfn, "level": at}
        found = finding.session.call(finding.memory, function, objects=finding.objects, values=values)
        if not isinstance(found, Pointer):
            raise Refused(f"{function}() gives no pointer")
        asked = finding.session.only_call(cuts.INDEX.function)
        told = (finding.session.argument(asked, name) for name in ("gfn", "base_gfn", "level"))
        right = all_of(
            any_of(*(each.guard for each in found.targets if each.place == wanted)),
            *(eq(each, should) for each, should in zip(told, (gfn, base, at), strict=True)),
        )
        return FrameIndexed(
            function=function,
            level=level,
            gfn=gfn,
            base_gfn=base,
            pages=pages,
            index=index,
            entries=entries,
            right_place=right,
            evidence=finding.session.evidence(),
        )
