"""What a lifted tree maps ahead of any access: ``mmu.c`` with ``paging_tmpl.h``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import ArrayType, RecordType
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import NULL, Object, ObjectKind, Pointer, Target, Value, choose, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import flush_ranges
from mmuproof.model.cuts import prefetches as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.calls_made import is_given, numbers_given
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.entry_bench import EntryBench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.named import (
    constants,
    functions,
    guest_walker,
    host_kernel,
    kvm_memory_slot,
    kvm_mmu_page,
    kvm_vcpu,
    kvm_vm,
    page_role,
    switches,
)
from mmuproof.model.prefetches import GROUP, PrefetchChosen, Prefetches, PrefetchMapped
from mmuproof.model.stores import LOOKED_AT
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bool_var,
    bv,
    eq,
    ne,
    negate,
    resize,
    sdiv,
    var,
    zext,
)

_CHOOSES, _MAPS = functions.DIRECT_PTE_PREFETCH, (functions.KVM_MMU_PREFETCH_SPTES, functions.DIRECT_PTE_PREFETCH_MANY)
_PRESENT = "SPTE_MMU_PRESENT_MASK"
_FIRST = LOOKED_AT - LOOKED_AT % GROUP
_GROUP = range(_FIRST, _FIRST + GROUP)
_PAGES = 3
"""How many pages of the host's are found at once where all are looked at."""
_SLOT, _LOGS, _INVALID = kvm_memory_slot.STRUCT, 1 << 0, 1 << 16
"""A slot, and those of its flags that mean that writes are logged, or that it is being taken away."""


class LiftedPrefetches(Prefetches, Remembers):
    """What a lifted tree maps ahead.

    Args:
        unit: ``mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    def _desk(self, known: tuple[Cut, ...]) -> EntryBench:
        """A bench with an entry, whose number is known, of a page whose table it is in."""
        index = replace(flush_ranges.SPTE_INDEX, gives=bv(LOOKED_AT, 32))
        others = tuple(cut for cut in known if cut.function != index.function)
        desk = EntryBench(self._unit, (*others, index), LOOKED_AT)
        desk.write(desk.page, kvm_mmu_page.SPT, pointer_to(desk.table))
        vcpu, kvm = desk.add("vcpu", kvm_vcpu.STRUCT), desk.add("kvm", kvm_vm.STRUCT)
        desk.write(vcpu, kvm_vcpu.KVM, pointer_to(kvm))
        for each in (vcpu, kvm, desk.page, desk.table):
            each.settled = True
        return desk

    def _chosen(
        self, desk: EntryBench, function: str, tried: dict[int, Bool], handed_on: Bool, otherwise: Bool, unfit: Bool
    ) -> PrefetchChosen:
        """What is known of entries that are tried, each under a condition."""
        kvm = desk.objects[kvm_vm.STRUCT].targets[0].place
        assert kvm is not None
        held = {number: read(desk.before, desk.table, number * 64, 64) for number in tried}
        present = constant_of(self._unit, _PRESENT)
        return PrefetchChosen(
            function=function,
            level=zext(desk.flag(desk.page, kvm_mmu_page.ROLE, page_role.LEVEL), 32),
            direct=_is_direct(desk),
            accessed_bits=eq(desk.flag(desk.page, kvm_mmu_page.ROLE, page_role.AD_DISABLED), 0),
            invalidating=ne(desk.read(kvm.object, kvm_vm.MMU_INVALIDATE_IN_PROGRESS), 0),
            ahead=any_of(handed_on, *tried.values()),
            present=any_of(*(all_of(when, ne(held[number] & present, 0)) for number, when in tried.items())),
            outside=any_of(*(when for number, when in tried.items() if number not in _GROUP)),
            otherwise=otherwise,
            unfit=unfit,
            evidence=desk.session.evidence(),
        )

    @once
    def chosen(self) -> PrefetchChosen:
        """See `Prefetches.chosen`."""
        desk = self._desk(cuts.CHOOSES)
        desk.session.call(desk.memory, _CHOOSES, objects=desk.objects, pointers={"sptep": desk.sptep})
        tried: dict[int, Bool] = {}
        others = []
        for call in desk.session.calls(cuts.MANY.function):
            begin, end = (desk.session.pointer_argument(call, name) for name in ("start", "end"))
            for first, when in _indices(begin):
                for after, then in _indices(end):
                    for number in range(first, after):
                        tried[number] = any_of(tried.get(number, FALSE), all_of(call.guard, when, then))
            others.append(all_of(call.guard, negate(is_given(call, pointer_to(desk.page)))))
        return self._chosen(desk, f"{_CHOOSES}()", tried, FALSE, any_of(*others), FALSE)

    @once
    def chosen_of_guest(self, gpte_format: GpteFormat) -> PrefetchChosen:
        """See `Prefetches.chosen_of_guest`."""
        name = f"{gpte_format.value}_pte_prefetch"
        desk = self._desk(cuts.CHOOSES_OF_GUEST)
        walker = self._walker(name)
        walk = desk.add("gw", walker)
        walk.settled = True
        desk.session.call(desk.memory, name, objects=desk.objects, pointers={"sptep": desk.sptep})
        notes = desk.place(walk, guest_walker.PREFETCH_PTES)
        assert isinstance(notes.type, ArrayType)
        width = notes.type.element.bits
        tried: dict[int, Bool] = {}
        others = []
        for call in desk.session.calls(*(cut.function for cut in cuts.OF_GUEST)):
            entry = numbers_given(call)[0]
            for number, when in _indices(desk.session.pointer_argument(call, "spte")):
                own = (
                    read(desk.before, walk, notes.offset + (number - _FIRST) * width, width)
                    if number in _GROUP
                    else entry
                )
                tried[number] = any_of(tried.get(number, FALSE), all_of(call.guard, when))
                others.append(all_of(call.guard, when, ne(resize(entry, width), own)))
            others.append(all_of(call.guard, negate(is_given(call, pointer_to(desk.page)))))
        whole = desk.session.calls(cuts.WHOLE.function)
        handed_on, direct = any_of(*(call.guard for call in whole)), _is_direct(desk)
        unfit = any_of(all_of(handed_on, negate(direct)), all_of(direct, any_of(*tried.values())))
        others.extend(
            all_of(call.guard, negate(all_of(is_given(call, pointer_to(desk.page)), is_given(call, desk.sptep))))
            for call in whole
        )
        return self._chosen(desk, f"{name}()", tried, handed_on, any_of(*others), unfit)

    def _walker(self, name: str) -> str:
        """The struct by which a function is told of a guest's walk."""
        for parameter in self._unit.function(name).parameters:
            target = getattr(parameter.type, "target", None)
            if isinstance(target, RecordType) and target.name.startswith(guest_walker.STRUCT):
                return target.name
        raise NotThere([f"{name}(struct guest_walker *)"])

    @once
    def mapped(self) -> PrefetchMapped:
        """See `Prefetches.mapped`."""
        slot = Object(name="slot", type=self._unit.record(_SLOT), kind=ObjectKind.INPUT, by_pointer=True)
        found = choose(bool_var("there is no slot"), NULL, pointer_to(slot))
        gfn = var("gfn", 64)
        given: dict[Cut, Value] = {cuts.SLOT: found, cuts.FRAME: gfn}
        known = tuple(replace(cut, gives=given[cut]) if cut in given else _finding(cut) for cut in cuts.MAPS)
        desk = self._desk(known)
        session, entries = desk.session, desk.sptep
        function = self._unit.function(*_MAPS).name
        own = function == _MAPS[1]
        access = zext(desk.flag(desk.page, kvm_mmu_page.ROLE, page_role.ACCESS), 32) if own else var("access", 32)
        end = pointer_to(desk.table, (LOOKED_AT + _PAGES) * 64)
        session.call(
            desk.memory,
            function,
            objects=desk.objects,
            values={"gfn": gfn, "nr_pages": bv(_PAGES, 32), "access": access},
            pointers={"sptep": entries, "start": entries, "end": end},
        )
        flags = resize(desk.read(slot, kvm_memory_slot.FLAGS), 32)
        makes = session.calls(cuts.MAKE.function)
        asked = session.calls(cuts.SLOT.function, *(cut.function for cut in cuts.PAGES))
        right = [eq(session.argument(call, "gfn"), gfn) for call in asked]
        numbers = [(call, _number(desk, call)) for call in makes]
        told_otherwise, granted_otherwise = (FALSE, FALSE) if own else self._handed_on()
        return PrefetchMapped(
            writable=ne(access & constant_of(self._unit, constants.ACC_WRITE_MASK), 0),
            logged=ne(flags & _LOGS, 0),
            invalid=ne(flags & _INVALID, 0),
            made=any_of(*(call.guard for call in makes)),
            another_slot=any_of(
                *(all_of(call.guard, negate(each)) for call, each in zip(asked, right, strict=True)),
                *(all_of(call.guard, negate(is_given(call, pointer_to(slot)))) for call in makes),
            ),
            another_frame=any_of(
                *(
                    all_of(
                        call.guard,
                        any_of(
                            ne(session.argument(call, "gfn"), gfn + number),
                            ne(session.argument(call, "pfn"), self._pfn(desk, number)),
                        ),
                    )
                    for call, number in numbers
                ),
                told_otherwise,
            ),
            another_access=any_of(
                granted_otherwise,
                *(all_of(call.guard, ne(session.argument(call, "pte_access"), access)) for call in makes),
            ),
            evidence=session.evidence(),
        )

    def _handed_on(self) -> tuple[Bool, Bool]:
        """Whether entries without a guest's table are to be mapped for other frames, or with another access."""
        gfn, count = var("gfn", 64), 2
        known = tuple(replace(cut, gives=gfn) if cut is cuts.FRAME else cut for cut in cuts.HANDS_ON)
        desk = self._desk(known)
        start, end = desk.sptep, pointer_to(desk.table, (LOOKED_AT + count) * 64)
        pointers = {"start": start, "end": end}
        desk.session.call(desk.memory, _MAPS[1], objects=desk.objects, pointers=pointers)
        call, session = desk.session.only_call(cuts.RUN.function), desk.session
        access = zext(desk.flag(desk.page, kvm_mmu_page.ROLE, page_role.ACCESS), 32)
        looks = session.calls(flush_ranges.SPTE_INDEX.function)
        otherwise = any_of(
            ne(session.argument(call, "gfn"), gfn),
            ne(session.argument(call, "nr_pages"), count),
            negate(is_given(call, start)),
            *(all_of(each.guard, negate(is_given(each, start))) for each in looks),
        )
        return all_of(call.guard, otherwise), all_of(call.guard, ne(session.argument(call, "access"), access))

    def _pfn(self, desk: EntryBench, number: int) -> BitVec:
        """The frame of a page of the host's, of those that are found."""
        first = desk.session.global_value(desk.memory, switches.VMEMMAP_BASE)
        bits = self._unit.record(host_kernel.PAGE).bits
        return sdiv((var(f"page {number}", 64) - first) * 8, bv(bits, 64))


def _finding(cut: Cut) -> Cut:
    """What finds pages of the host's, with as many as are looked at."""
    if cut not in cuts.PAGES:
        return cut
    stores = tuple((2, str(number), _page(number)) for number in range(_PAGES))
    return replace(cut, gives=bv(_PAGES, 32), stores=stores)


def _page(number: int) -> Pointer:
    """A page of the host's, of which nothing is known but its place among them."""
    return Pointer((Target(guard=TRUE, address=var(f"page {number}", 64)),))


def _number(desk: EntryBench, call: CallMade) -> int:
    """How many entries after the first that is which a call makes."""
    ((number, _),) = _indices(desk.session.pointer_argument(call, "sptep"))
    return number - LOOKED_AT


def _is_direct(desk: EntryBench) -> Bool:
    """Whether the page has no table of the guest's behind it."""
    return ne(desk.flag(desk.page, kvm_mmu_page.ROLE, page_role.DIRECT), 0)


def _indices(pointer: Pointer) -> list[tuple[int, Bool]]:
    """The entries of a table to which a pointer may lead, each with when it does."""
    return [(each.place.offset // 64, each.guard) for each in pointer.targets if each.place is not None]
