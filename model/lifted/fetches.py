"""How a lifted tree follows a guest's page tables down with its own (``paging_tmpl.h``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.c_types import ArrayType, IntType, PointerType, RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade, RoundMade
from mmuproof.lift.machine.memory import NULL, Memory, Object, ObjectKind, Pointer, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer, choose, error_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import common, roles
from mmuproof.model.cuts import fetches as cuts
from mmuproof.model.fetches import (
    ChangeLooked,
    ChildFound,
    DirectRound,
    Fetched,
    Fetches,
    GuestRound,
    NotedTable,
    PageLinked,
    PageWanted,
)
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_nonzero, left_at, numbers_given
from mmuproof.model.lifted.map_tails import ENTRY_AFTER, Mapping, tail_of
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.round_bench import NOTHING_DONE, RoundBench
from mmuproof.model.lifted.session import bit_field, place_of, read, read_member
from mmuproof.model.map_rounds import MapRound, MapTail
from mmuproof.model.named import (
    functions,
    guest_walker,
    kvm_memory_slot,
    kvm_mmu,
    kvm_mmu_page,
    kvm_page_fault,
    kvm_vcpu,
    page_role,
    shadow_iterator,
)
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bool_var, bv, eq, ne, negate, resize, var


class _FetchBench(RoundBench):
    """A bench for ``FNAME(fetch)()``: a vCPU whose MMU walks one format of guest tables, and what a walk has noted."""

    def __init__(self, unit: Unit, gpte_format: GpteFormat) -> None:
        mapped = replace(cuts.MAP, writes=(), stores=((2, "", ENTRY_AFTER),))
        known = tuple(mapped if cut is cuts.MAP else cut for cut in cuts.CUTS)
        super().__init__(unit, known, f"{gpte_format.value}_fetch")
        self._ahead = f"{gpte_format.value}_pte_prefetch"
        self._changed = cuts.CHANGED[gpte_format].function
        nested = gpte_format is GpteFormat.EPT
        mmus = Mmus(self.vcpu)
        mmus.connect(self.memory, nested=nested, l2=nested)
        role = mmus.place(Part.NESTED_WALK if nested else Part.GUEST_WALK, kvm_mmu.CPU_ROLE)
        self._root = self.read(self.vcpu, f"{kvm_mmu.GUEST_MMU if nested else kvm_mmu.ROOT_MMU}.{kvm_mmu.ROOT_HPA}")
        self.guest_levels = resize(read_member(self.memory, self.vcpu, bit_field(role, page_role.LEVEL)), 32)
        self.noted = self.add("gw", _struct_of_walk(unit, self.function))
        for each in (self.fault, self.noted):
            # They are variables of callers: only who is given one can write it.
            each.settled = True
        self.slot = self.add("fault->slot", kvm_memory_slot.STRUCT)
        self.write(self.fault, kvm_page_fault.SLOT, pointer_to(self.slot))
        self.before = self.memory.copy()
        self.first, self.second = self.run(shadow_iterator.STRUCT, loops=2)
        made = self.session.machine.calls_made
        self._order = {id(call): number for number, call in enumerate(made)}
        okay = self.session.calls(cuts.OKAY.function)
        if len(okay) != 2:
            raise Refused(f"{self.function}() looks {len(okay)} times for an entry where twice is meant")
        self.starts = okay

    # -- what happens in which loop --------------------------------------------------------------------

    def calls(self, cut: Cut, *, below: bool) -> tuple[CallMade, ...]:
        """The calls of a function in or behind the second loop, or else in or before the first."""
        start = self._order[id(self.starts[1])]
        return tuple(call for call in self.session.calls(cut.function) if (self._order[id(call)] > start) == below)

    def unchanged(self, level: BitVec, after: CallMade | None, before: CallMade | None) -> Bool:
        """Between two calls, the guest's entry of a level has been found to be what the walk has read."""
        low = -1 if after is None else self._order[id(after)]
        high = len(self._order) if before is None else self._order[id(before)]
        found: list[Bool] = []
        for call in self.session.calls(self._changed):
            asked = self.session.argument(call, "level")
            if low < self._order[id(call)] < high:
                found.append(all_of(call.guard, eq(asked, level), negate(is_nonzero(call))))
        return any_of(*found)

    def _of_dummy(self) -> Bool:
        """Whether the root in use is the page of zeros, as far as the code asks; before that page no root was one."""
        dummy = cuts.DUMMY_ROOT.function
        if not self.unit.has_function(dummy):
            return FALSE
        another = (all_of(each.guard, ne(numbers_given(each)[0], self._root)) for each in self.session.calls(dummy))
        return any_of(self.session.says(dummy), *another)

    def before_loop(self) -> tuple[BitVec, Bool]:
        """The level of the guest's entry that is looked at first, and that it is what the walk has read."""
        calls = [
            call
            for call in self.session.calls(self._changed)
            if self._order[id(call)] < self._order[id(self.starts[0])]
        ]
        if not calls:
            return bv(0, 32), FALSE
        level = self.session.argument(calls[0], "level")
        return level, self.unchanged(level, None, self.starts[0])

    # -- pages -----------------------------------------------------------------------------------------

    def only(self, cut: Cut, *, below: bool) -> CallMade:
        """The one call of a function in a loop."""
        calls = self.calls(cut, below=below)
        if len(calls) != 1:
            raise Refused(f"{self.function}() calls {cut.function}() {len(calls)} times in a loop where once is meant")
        return calls[0]

    def found_already(self, call: CallMade) -> Bool:
        """Whether a page that is asked for is linked already."""
        return bool_var(f"{call.tag} == {cuts.EEXIST}")

    def page_asked(self, call: CallMade) -> PageWanted:
        """What a page is asked for with."""
        return PageWanted(
            when=call.guard,
            gfn=self.session.argument(call, "gfn"),
            access=self.session.argument(call, "access"),
            direct=ne(self.session.argument(call, "direct"), 0),
            elsewhere=self._elsewhere(call),
            found=self.found_already(call),
        )

    def _elsewhere(self, call: CallMade) -> Bool:
        """Whether a call is for another entry than the walk's."""
        return negate(same_place(self._pointer(call, shadow_iterator.SPTEP), self.entry(call.memory)))

    def _pointer(self, call: CallMade, name: str) -> Pointer:
        names = self.unit.parameter_names(call.function)
        given = call.arguments[names.index(name)] if name in names else None
        pointer = None if given is None else as_pointer(given)
        if pointer is None:
            raise NotThere([f"a pointer {name} of {call.function}(), which has {', '.join(names)}"])
        return pointer

    def page_linked(self, asked: CallMade, links: Sequence[CallMade]) -> PageLinked:
        """The page that is linked in the loop in which a page has been asked for."""
        if not links:
            return PageLinked(when=FALSE, elsewhere=FALSE, another=FALSE)
        if len(links) != 1:
            raise Refused(f"{self.function}() links {len(links)} pages in a loop where one is meant")
        (link,) = links
        return PageLinked(when=link.guard, elsewhere=self._elsewhere(link), another=self._another(link, asked))

    def _another(self, call: CallMade, asked: CallMade) -> Bool:
        """Whether a call is given another page than one that has been asked for."""
        given, wanted = self._pointer(call, "sp"), asked.tag
        others = (
            each.guard
            for each in given.targets
            if not each.is_null and (each.place is None or each.place.object.name != wanted)
        )
        return any_of(*others)

    def synchronized(self, asked: CallMade) -> Bool:
        """Whether no page below the one that has been asked for is out of step, when it is linked or found."""
        (made,) = {
            target.place.object: None
            for call in self.calls(cuts.LINK, below=False)
            for target in self._pointer(call, "sp").targets
            if target.place is not None
        }
        has_some = ne(self.of(asked.memory, made, kvm_mmu_page.UNSYNC_CHILDREN), 0)
        done = (
            all_of(call.guard, negate(is_nonzero(call)))
            for call in self.calls(cuts.SYNC, below=False)
            if self._order[id(call)] > self._order[id(asked)]
        )
        return any_of(negate(has_some), *done)

    # -- the two loops ---------------------------------------------------------------------------------

    def next_level(self, made: RoundMade) -> BitVec:
        """The level of the walk when the next round begins."""
        return bv(0, 32) if made.end is None else self.of(made.end, self.walk, shadow_iterator.LEVEL)

    def guest_round(self) -> GuestRound:
        """Any round of the first loop."""
        asked, links = self.only(cuts.CHILD, below=False), self.calls(cuts.LINK, below=False)
        level, linked = self.of(asked.memory, self.walk, shadow_iterator.LEVEL), self.page_linked(asked, links)
        top_level, top_unchanged = self.before_loop()
        # Before it was noted here it was before the walk.
        elsewhere = self.unit.has_function(f"{self.function.partition('_')[0]}_is_self_change_mapping")
        has_note = not elsewhere and self.unit.has_member(
            kvm_page_fault.STRUCT, kvm_page_fault.WRITE_FAULT_TO_SHADOW_PGTABLE
        )
        end = self.first.end
        return GuestRound(
            enters=self.starts[0].guard,
            of_dummy=self._of_dummy(),
            top_level=top_level,
            top_unchanged=top_unchanged,
            at_end=negate(is_nonzero(self.starts[0])),
            level=level,
            asks=self.page_asked(asked),
            links=linked,
            unchanged=self.unchanged(level - 1, asked, links[0] if links else None),
            synchronized=self.synchronized(asked),
            goes_on=self.first.goes_on,
            next_level=self.next_level(self.first),
            of_itself=(
                FALSE if end is None else ne(self.of(end, self.fault, kvm_page_fault.WRITE_FAULT_TO_SHADOW_PGTABLE), 0)
            )
            if has_note
            else None,
        )

    def direct_round(self) -> DirectRound:
        """Any round of the second loop, and the page behind it."""
        made, asked, links = self.second, self.only(cuts.CHILD, below=True), self.calls(cuts.LINK, below=True)
        leaf = self.only(cuts.MAP, below=True)
        mapped = self.deeds([leaf], snapshot=False, aims=[shadow_iterator.SPTEP, kvm_page_fault.GFN])
        linked = self.deeds(links, snapshot=False, aims=[shadow_iterator.SPTEP]) if links else NOTHING_DONE
        loop = MapRound(
            function=self.function,
            workaround=self.workaround(made),
            another_fault=any_of(self.another_fault(self.first), self.another_fault(made, after=self.first)),
            at_end=negate(is_nonzero(self.starts[1])),
            maps=mapped,
            links=linked,
            splits=NOTHING_DONE,
            fails=FALSE,
            goes_on=made.goes_on,
            has_table=any_of(self.found_already(asked), linked.when),
            spte=bv(0, 64) if made.end is None else self.held(made.end),
            tail=self._tail(leaf),
            evidence=self.session.evidence(),
        )
        memory = leaf.memory
        slot = self.place(self.fault, kvm_page_fault.SLOT)
        assert memory is not None
        slots = as_pointer(memory.read(self.fault, slot.offset, slot.width))
        assert slots is not None
        last = self._order[id(self.calls(cuts.CHILD, below=False)[-1])]
        huge = [call for call in self.calls(cuts.HUGE, below=False) if self._order[id(call)] > last]
        return DirectRound(
            enters=self.starts[1].guard,
            first_level=self.of(made.entered, self.walk, shadow_iterator.LEVEL),
            adjusted=any_of(*(call.guard for call in huge)),
            level=self.of(asked.memory, self.walk, shadow_iterator.LEVEL),
            map=loop,
            asks=self.page_asked(asked),
            links=self.page_linked(asked, links),
            next_level=self.next_level(made),
            refused=self._noted(asked, cuts.NOTE) if self.unit.has_function(cuts.NOTE.function) else None,
            may_recover=self._may_recover(asked),
            disallowed=ne(self.of(asked.memory, self.fault, kvm_page_fault.HUGE_PAGE_DISALLOWED), 0),
            wanted_level=self.of(asked.memory, self.fault, kvm_page_fault.REQ_LEVEL),
            leaf_access=self.session.argument(leaf, "pte_access"),
            leaf_pfn=self.session.argument(leaf, "pfn"),
            leaf_elsewhere=negate(same_place(self._pointer(leaf, "slot"), slots)),
            pfn=self.of(memory, self.fault, kvm_page_fault.PFN),
        )

    def _tail(self, leaf: CallMade) -> MapTail:
        """What is done around the two loops."""
        (start,) = self.session.calls(cuts.INIT.function)
        level = shadow_iterator.LEVEL
        return tail_of(
            self,
            Mapping(
                loops=[(self.first, start), (self.second, self.starts[1])],
                maps=leaf,
                answer=self.answer,
                begins=[
                    (
                        self.session.argument(start, kvm_page_fault.ADDR),
                        self.of(self.first.entered, self.fault, kvm_page_fault.ADDR),
                    )
                ],
                entry=self.entry(leaf.memory),
                found=all_of(
                    self.come_to(leaf.memory, self.starts[1]),
                    eq(self.of(leaf.memory, self.walk, level), self.of(self.second.head, self.walk, level)),
                ),
                entry_after=ENTRY_AFTER,
                ahead=self.session.calls(self._ahead),
            ),
        )

    def _may_recover(self, asked: CallMade) -> Bool:
        """Whether the page that has been asked for is noted as one that gives way to a huge page later."""
        possible = (
            all_of(self._noted(asked, cuts.NOTE), ne(self.session.argument(call, "nx_huge_page_possible"), 0))
            for call in self.calls(cuts.NOTE, below=True)
        )
        return any_of(self._noted(asked, cuts.FORMER_NOTE), *possible)

    def _noted(self, asked: CallMade, cut: Cut) -> Bool:
        """Whether the page that has been asked for is handed to a function."""
        calls = self.calls(cut, below=True)
        return any_of(*(all_of(call.guard, negate(self._another(call, asked))) for call in calls))


def _struct_of_walk(unit: Unit, name: str) -> str:
    """The struct in which a function finds what a walk of the guest's tables has noted."""
    function = unit.function(name)
    for parameter in function.parameters:
        target = parameter.type.target if isinstance(parameter.type, PointerType) else None
        if isinstance(target, RecordType) and target.name.startswith(guest_walker.STRUCT):
            return target.name
    raise Refused(f"{name}() takes no walk of the guest's tables", str(function.location))


def _elements(memory: Memory, noted: Object, member: str) -> tuple[BitVec, ...]:
    """What an array of such a struct holds."""
    place = place_of(noted, member)
    if not isinstance(place.type, ArrayType) or place.type.count is None:
        raise Refused(f"gw->{member} is no array")
    width = place.type.element.bits
    return tuple(read(memory, noted, place.offset + each * width, width) for each in range(place.type.count))


class LiftedFetches(Fetches, Remembers):
    """The part of a lifted tree that fills in SPTEs for a guest's page tables.

    Args:
        unit: ``mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def fetch(self, gpte_format: GpteFormat) -> Fetched:
        """See `Fetches.fetch`."""
        walk = _FetchBench(self._unit, gpte_format)
        return Fetched(
            function=walk.function,
            guest_levels=walk.guest_levels,
            guest_level=walk.read(walk.noted, guest_walker.LEVEL, walk.before),
            tables=tuple(
                NotedTable(gfn=gfn, access=access)
                for gfn, access in zip(
                    *(
                        _elements(walk.before, walk.noted, member)
                        for member in (guest_walker.TABLE_GFN, guest_walker.PT_ACCESS)
                    ),
                    strict=True,
                )
            ),
            pte_access=walk.read(walk.noted, guest_walker.PTE_ACCESS, walk.before),
            gfn=walk.read(walk.fault, kvm_page_fault.GFN, walk.before),
            write=ne(walk.read(walk.fault, kvm_page_fault.WRITE, walk.before), 0),
            guest=walk.guest_round(),
            direct=walk.direct_round(),
            evidence=walk.session.evidence(),
        )

    @once
    def changed(self, gpte_format: GpteFormat, level: int) -> ChangeLooked:
        """See `Fetches.changed`."""
        name, bench = cuts.CHANGED[gpte_format].function, Bench(self._unit, (*common.CUTS, cuts.READ_GUEST))
        bench.add("vcpu", kvm_vcpu.STRUCT)
        noted = bench.add("gw", _struct_of_walk(self._unit, name))
        before = bench.memory.copy()
        says = bench.integer(name, level=bv(level, 32))
        entries = _elements(before, noted, guest_walker.PTES)
        call = bench.session.only_call(cuts.READ_GUEST.function)
        return ChangeLooked(
            function=name,
            level=level,
            entry_bytes=entries[0].width // 8,
            says=ne(says, 0),
            failed=is_nonzero(call),
            asked_gpa=bench.session.argument(call, "gpa"),
            found=tuple(resize(each, 64) for each in _found(bench, call, noted, entries[0].width)),
            pte_gpa=_elements(before, noted, guest_walker.PTE_GPA)[level - 1],
            noted=resize(entries[level - 1], 64),
            evidence=bench.session.evidence(),
        )

    @once
    def child(self) -> ChildFound:
        """See `Fetches.child`."""
        pages = {
            name: Object(name=name, type=self._unit.record(kvm_mmu_page.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
            for name in ("parent", "child")
        }
        none = bool_var("the entry leads to no page of KVM's")
        found = choose(none, NULL, pointer_to(pages["child"]))
        leads = replace(cuts.TO_CHILD, gives=found), replace(roles.SPTEP_TO_SP, gives=pointer_to(pages["parent"]))
        bench = Bench(self._unit, (*cuts.FIND_CHILD, *leads))
        bench.add("vcpu", kvm_vcpu.STRUCT)
        sptep = Object(name="sptep", type=IntType(64, False, "u64"), kind=ObjectKind.INPUT, by_pointer=True)
        spte, gfn, before = read(bench.memory, sptep, 0, 64), var("gfn", 64), bench.memory.copy()
        result = bench.session.call(
            bench.memory,
            functions.KVM_MMU_GET_CHILD_SP,
            objects=bench.objects,
            values={"gfn": gfn, "direct": var("direct", 8) & 1, "access": var("access", 32)},
            pointers={"sptep": pointer_to(sptep)},
        )
        asked = bench.session.only_call(cuts.GET.function)
        given = None if result is None else as_pointer(result)
        kept = error_pointer(cuts.EEXIST)
        looks = bench.session.calls(cuts.TO_CHILD.function)
        return ChildFound(
            spte=spte,
            has_page=negate(none),
            looks_elsewhere=any_of(*(all_of(each.guard, ne(_only_number(each), spte)) for each in looks)),
            gfn=gfn,
            childs_gfn=bench.read(pages["child"], kvm_mmu_page.GFN, before),
            childs_role=bench.read(pages["child"], kvm_mmu_page.ROLE, before),
            kept=FALSE if given is None else same_place(given, kept),
            asked=asked.guard,
            asked_gfn=bench.session.argument(asked, "gfn"),
            asked_role=bench.session.argument(asked, "role"),
            evidence=bench.session.evidence(),
        )

    def levels(self, gpte_format: GpteFormat) -> int:
        """See `Fetches.levels`."""
        name = cuts.CHANGED[gpte_format].function
        noted = Object(name="gw", type=self._unit.record(_struct_of_walk(self._unit, name)), kind=ObjectKind.INPUT)
        return len(_elements(Memory(), noted, guest_walker.PTES))


def _only_number(call: CallMade) -> BitVec:
    (number,) = numbers_given(call)
    return number


def _found(bench: Bench, call: CallMade, noted: Object, width: int) -> list[BitVec]:
    """What has been read of guest memory by a call, entry by entry."""
    length, into = bench.session.argument(call, "len"), as_pointer(call.arguments[2] or NULL)
    places = [] if into is None else [target.place for target in into.targets if target.place is not None]
    if len(places) != 1 or not length.is_const:
        raise Refused(f"{call.function}() reads into no one place", str(call.at))
    (place,) = places
    if place.object is noted:
        return [read(bench.memory, noted, place.offset + at, width) for at in range(0, 8 * length.value, width)]
    return [left_at(call, 2, 8 * length.value)]
