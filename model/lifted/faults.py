"""From an error code to what a handler of page faults is told, in a lifted tree."""

from __future__ import annotations

from collections.abc import Collection

from mmuproof.lift.c_types import IntType, PointerType, RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import NULL, Memory, Object, Pointer, Value, pointer_to
from mmuproof.lift.machine.values import FunctionRef, Place, Target, as_pointer, leaves
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.faults import (
    CUTS,
    FILLS,
    FIND_SLOT,
    GIVES,
    HANDLERS,
    PRE_FAULT,
    PRE_FAULTS,
    SEARCHES,
    WALKED,
    WALKS,
)
from mmuproof.model.cuts.mappings import IS_PRIVATE
from mmuproof.model.faults import FaultHandedOn, Faults, FaultTold, FaultWalked, PreFaulted
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, is_given, left_by
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.fault_members import asked_if_tracked, read_fault
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import bit_field, place_of, pointee, read, read_member
from mmuproof.model.named import (
    constants,
    functions,
    guest_walker,
    kvm_mmu,
    kvm_page_fault,
    kvm_vcpu,
    kvm_vm,
    page_role,
    switches,
    userspace,
    x86_exception,
)
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bool_var,
    boolean,
    bv,
    eq,
    ne,
    negate,
    resize,
    to_bv,
    var,
    zext,
)

_OF_THE_WAY = (
    guest_walker.LEVEL,
    guest_walker.MAX_LEVEL,
    guest_walker.PTES,
    guest_walker.PTE_GPA,
    guest_walker.PT_ACCESS,
    guest_walker.TABLE_GFN,
)
"""What a walk notes of the tables between the root and the page."""
_OF_FAULTS = tuple(f"{guest_walker.FAULT}.{each}" for each in x86_exception.TOLD)
"""What it leaves of a fault."""
_NAME, _ERROR_CODE = functions.KVM_MMU_DO_PAGE_FAULT, "err"


class LiftedFaults(Faults, Remembers):
    """The part of a lifted tree that tells handlers of page faults (``mmu.c``)."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def handed_on(self, *, tdp: bool) -> FaultHandedOn:
        """See `Faults.handed_on`."""
        bench, handler = Bench(self._unit, CUTS), HANDLERS[0 if tdp else 1].function
        vcpu, kvm = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("kvm", kvm_vm.STRUCT)
        bench.write(vcpu, kvm_vcpu.KVM, bench.objects[kvm_vm.STRUCT])
        mmus = Mmus(vcpu)
        mmus.connect(bench.memory, nested=False, l2=False)
        place, this = mmus.place(Part.ROOT_MMU, kvm_mmu.PAGE_FAULT), FunctionRef(handler, known=True)
        bench.memory.write(vcpu, place.offset, place.width, Pointer((Target(guard=TRUE, function=this),)))
        direct = bit_field(mmus.place(Part.ROOT_MMU, kvm_mmu.ROOT_ROLE), page_role.DIRECT)
        addr, prefetch = var("addr", 64), bool_var("prefetch")
        error_code = zext(resize(var("error_code", 64), self._error_code_bits()), 64)
        mitigated = all_of(
            ne(bench.session.global_value(bench.memory, switches.NX_HUGE_PAGES), 0),
            eq(bench.read(kvm, kvm_vm.DISABLE_NX_HUGE_PAGES), 0),
        )
        bench.integer(
            _NAME, {"emulation_type": NULL, "level": NULL}, cr2_or_gpa=addr, err=error_code, prefetch=to_bv(prefetch, 8)
        )
        calls = bench.session.calls(handler)
        if not calls:
            raise Refused(f"{_NAME}() tells no handler")
        slots = bench.session.calls(*(cut.function for cut in FIND_SLOT))
        return FaultHandedOn(
            addr=addr,
            error_code=error_code,
            prefetch=prefetch,
            direct=ne(read_member(bench.memory, vcpu, direct), 0),
            alias_bits=self._alias_bits(bench),
            mitigated=mitigated,
            handed_on=bench.session.called(handler),
            told=_told(calls[0]),
            slot_gfn=bench.session.argument(slots[0], "gfn") if slots else bv(0, 64),
            looked_up=bench.session.called(*(cut.function for cut in FIND_SLOT)),
            evidence=bench.session.evidence(),
        )

    @once
    def walked(self, gpte_format: GpteFormat) -> FaultWalked:
        """See `Faults.walked`."""
        bench, name = Bench(self._unit, WALKED), f"{gpte_format.value}_page_fault"
        nested = gpte_format is GpteFormat.EPT
        vcpu, fault = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("fault", kvm_page_fault.STRUCT)
        # It is a variable of the caller's.
        fault.settled = True
        bench.write(vcpu, kvm_vcpu.KVM, pointer_to(bench.add("kvm", kvm_vm.STRUCT)))
        mmus = Mmus(vcpu)
        mmus.connect(bench.memory, nested=nested, l2=nested)
        role, before = (
            mmus.place(Part.NESTED_WALK if nested else Part.GUEST_WALK, kvm_mmu.CPU_ROLE),
            bench.memory.copy(),
        )

        def told(flag: str) -> Bool:
            return ne(bench.read(fault, flag, before), 0)

        result = bench.integer(name)
        walk, fill = WALKS[gpte_format].function, bench.session.only_call(FILLS[gpte_format].function)
        slot = bench.session.only_call(*(cut.function for cut in FIND_SLOT))
        tracked = asked_if_tracked(bench, fault)
        at, memory = bench.place(fault, kvm_page_fault.SLOT), fill.memory
        assert memory is not None
        slots = as_pointer(memory.read(fault, at.offset, at.width))
        search = bench.session.only_call(*(cut.function for cut in SEARCHES))
        walker = next(each for each in map(_place_of, fill.arguments) if each and each.object not in (vcpu, fault))

        # The walk has brought CR0.WP up to date.
        roles = before if nested else memory

        def in_role(flag: str) -> Bool:
            return ne(read_member(roles, vcpu, bit_field(role, flag)), 0)

        def noted(member_name: str, memory: Memory | None = None) -> BitVec:
            place = place_of(walker.object, member_name)
            if memory is None:
                return var(f"{walker.object.name}.{member_name} after {walk}()", place.width)
            return read_member(memory, walker.object, place)

        walks = bench.session.only_call(walk)
        if walks.guard is not TRUE:
            raise Refused(f"{name}() may do without {walk}()", str(walks.at))
        gives = bench.session.calls(*(cut.function for cut in GIVES))
        return FaultWalked(
            function=name,
            present=told("present"),
            write=told("write"),
            user=told("user"),
            reserved=told("rsvd"),
            cr0_wp=in_role(page_role.CR0_WP),
            cr4_smep=in_role(page_role.CR4_SMEP),
            addr=bench.read(fault, kvm_page_fault.ADDR, before),
            error_code=resize(bench.read(fault, kvm_page_fault.ERROR_CODE, before), 64),
            prefetch=told(kvm_page_fault.PREFETCH),
            walk_addr=bench.session.argument(walks, "addr"),
            walk_access=bench.session.argument(walks, "access"),
            walked=ne(var(f"{walk}()", 32), 0),
            gives_up=any_of(*(_is_given_as_left(each, walker.object, walk) for each in gives)),
            gives=any_of(*(each.guard for each in gives)),
            walked_gfn=noted(guest_walker.GFN),
            walked_level=noted(guest_walker.LEVEL),
            walked_access=noted(guest_walker.PTE_ACCESS),
            slot_gfn=bench.session.argument(slot, "gfn"),
            tracked_gfn=tracked.gfn,
            asks=all_of(tracked.when, tracked.in_slot),
            tracked=tracked.answer,
            searched_level=bench.read(fault, kvm_page_fault.MAX_LEVEL, search.memory),
            found_level=var(
                f"fault->max_level after {search.function}()", bench.place(fault, kvm_page_fault.MAX_LEVEL).width
            ),
            fills=fill.guard,
            gfn=bench.read(fault, kvm_page_fault.GFN, memory),
            max_level=bench.read(fault, kvm_page_fault.MAX_LEVEL, memory),
            has_slot=FALSE if slots is None else negate(slots.is_null),
            access=noted(guest_walker.PTE_ACCESS, memory),
            emulates=all_of(tracked.answer, eq(result, self._emulates())),
            noted_otherwise=all_of(fill.guard, _is_otherwise(walker.object, _OF_THE_WAY, memory, walk)),
            evidence=bench.session.evidence(),
        )

    @once
    def pre_faulted(self) -> PreFaulted:
        """See `Faults.pre_faulted`."""
        name, bench = "kvm_arch_vcpu_pre_fault_memory", Bench(self._unit, PRE_FAULTS)
        vcpu, kvm = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("kvm", kvm_vm.STRUCT)
        bench.write(vcpu, kvm_vcpu.KVM, bench.objects[kvm_vm.STRUCT])
        wanted = bench.add("range", userspace.PRE_FAULT)
        for each in (kvm, wanted):
            # What is asked for is the caller's, and of the VM only what was set up with it is looked at.
            each.settled = True
        before = bench.memory.copy()
        answer = bench.integer(name)
        call = bench.session.only_call(*(cut.function for cut in PRE_FAULT))
        asks = bench.session.calls(IS_PRIVATE.function)
        private = all_of(bench.session.called(IS_PRIVATE.function), bench.session.says(IS_PRIVATE.function))
        return PreFaulted(
            asked=bench.read(wanted, userspace.GPA, before),
            alias_bits=self._alias_bits(bench),
            private=private if asks else FALSE,
            private_gfn=bench.session.argument(asks[0], "gfn") if asks else bv(0, 64),
            maps=call.guard,
            addr=bench.session.argument(call, "gpa"),
            error_code=bench.session.argument(call, "error_code"),
            level=left_by(call, PRE_FAULT[0], 8),
            size=bench.read(wanted, userspace.SIZE, before),
            result=answer_of(call, 32),
            answer=answer,
            evidence=bench.session.evidence(),
        )

    def _emulates(self) -> int:
        """What says that an instruction is to be emulated for a tracked write; it had no answer of its own at first."""
        return constant_of(self._unit, constants.RET_PF_WRITE_PROTECTED, constants.RET_PF_EMULATE)

    def _error_code_bits(self) -> int:
        """How much of an error code is handed on; in older kernels the lower half."""
        if not self._unit.has_function(_NAME):
            raise NotThere([f"{_NAME}()"])
        for each in self._unit.function(_NAME).parameters:
            if each.name == _ERROR_CODE:
                return each.type.bits
        raise NotThere([f"a parameter {_ERROR_CODE} of {_NAME}()"])

    def _alias_bits(self, bench: Bench) -> BitVec:
        """The bits of a GFN that choose between aliases; before TDX there were none."""
        if not self._unit.has_member(kvm_vm.ARCH, kvm_vm.ARCH_GFN_DIRECT_BITS):
            return bv(0, 64)
        (target,) = bench.objects[kvm_vm.STRUCT].targets
        assert target.place is not None
        return bench.read(target.place.object, kvm_vm.GFN_DIRECT_BITS)


def _place_of(value: Value | None) -> Place | None:
    """Where a pointer leads, if that is one place."""
    places = [each.place for each in value.targets if each.place] if isinstance(value, Pointer) else []
    return places[0] if len(places) == 1 else None


def _is_otherwise(walker: Object, members: Collection[str], memory: Memory, walk: str) -> Bool:
    """Whether a ``struct guest_walker`` has something else in some members than the walk has left there."""
    changed: list[Bool] = []
    for leaf in leaves(walker, 0, walker.type.bits):
        if leaf.path.partition("[")[0] in members:
            is_bool = isinstance(leaf.type, IntType) and leaf.type.is_bool
            left = var(f"{walker.path(leaf.path)} after {walk}()", 1 if is_bool else leaf.width)
            changed.append(ne(read(memory, walker, leaf.offset, leaf.width), resize(left, leaf.width)))
    return any_of(*changed)


def _is_given_as_left(call: CallMade, walker: Object, walk: str) -> Bool:
    """Whether a call is made for the fault of a ``struct guest_walker``, which is as the walk has left it."""
    place, memory = place_of(walker, guest_walker.FAULT), call.memory
    assert memory is not None
    if not isinstance(place.type, PointerType):
        own = is_given(call, pointer_to(walker, place.offset))
        return all_of(call.guard, own, negate(_is_otherwise(walker, _OF_FAULTS, memory, walk)))
    there = pointee(memory, walker, place)
    if there.object.name != f"{walker.path(guest_walker.FAULT)} after {walk}()":
        return FALSE
    # What it leads to only the walk has written.
    left = boolean(not memory.written(there.object))
    return all_of(call.guard, is_given(call, pointer_to(there.object, there.offset)), left)


def _told(call: CallMade) -> FaultTold:
    """What a handler is told at a call."""
    place = _place_of(call.arguments[1])
    if place is None or call.memory is None or not isinstance(place.object.type, RecordType):
        raise Refused(f"{call.function}() is told of no fault", str(call.at))
    return read_fault(call.memory, place)
