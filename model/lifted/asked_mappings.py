"""How a lifted tree maps pages that are asked for: ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import IntType
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, Pointer, pointer_to, same_place
from mmuproof.lift.machine.values import FunctionRef, Target, as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.asked_mappings import AskedMappings, PageMappedAhead, PrivatePageMapped
from mmuproof.model.cuts import asked_mappings as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, is_given, is_nonzero
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.fault_members import read_fault
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import Session
from mmuproof.model.lifted.tdp_mmu_use import uses_tdp_mmu
from mmuproof.model.named import constants, functions, kvm_memory_slot, kvm_mmu, kvm_page_fault, kvm_vcpu, kvm_vm
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, eq, ne, negate, var

_AHEAD, _PRIVATE = ("kvm_tdp_page_prefault", "kvm_tdp_map_page"), "kvm_tdp_mmu_map_private_pfn"
_MAPPED = (constants.RET_PF_FIXED, constants.RET_PF_SPURIOUS, constants.RET_PF_WRITE_PROTECTED)


class LiftedAskedMappings(AskedMappings, Remembers):
    """What a lifted tree maps.

    Args:
        unit: ``mmu.c``.
        _tdp: ``tdp_mmu.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _tdp: Unit) -> None:
        super().__init__()
        self._unit = unit

    def _bench(self, name: str, known: tuple[Cut, ...]) -> tuple[Bench, Object, Object]:
        """A bench with a vCPU and its VM, on which a function ends where it begins anew."""
        bench = Bench(self._unit, known)
        bench.session = Session(self._unit, known, goes_back=frozenset({name}))
        vcpu, kvm = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("kvm", kvm_vm.STRUCT)
        bench.write(vcpu, kvm_vcpu.KVM, bench.objects[kvm_vm.STRUCT])
        vcpu.settled = kvm.settled = True
        return bench, vcpu, kvm

    def _is(self, result: BitVec, *names: str) -> Bool:
        """Whether a result is one of these."""
        return any_of(*(eq(result, constant_of(self._unit, name)) for name in names))

    @once
    def ahead(self, of_tdp: bool) -> PageMappedAhead:
        """See `AskedMappings.ahead`."""
        name = self._unit.function(*_AHEAD).name
        bench, vcpu, _ = self._bench(name, cuts.AHEAD)
        mmus = Mmus(vcpu)
        mmus.connect(bench.memory, nested=False, l2=False)
        place = mmus.place(Part.ROOT_MMU, kvm_mmu.PAGE_FAULT)
        handler = FunctionRef(functions.KVM_TDP_PAGE_FAULT if of_tdp else functions.NONPAGING_PAGE_FAULT, known=True)
        bench.memory.write(vcpu, place.offset, place.width, Pointer((Target(guard=TRUE, function=handler),)))
        level = Object(name="level", type=IntType(8, False, "u8"), kind=ObjectKind.INPUT, by_pointer=True)
        gpa, error_code = var("gpa", 64), var("error_code", 64)
        answer = bench.integer(name, {"level": pointer_to(level)}, gpa=gpa, error_code=error_code)
        session = bench.session
        calls = session.calls(cuts.FAULT.function)
        result = var(f"{cuts.FAULT.function}()", 32)
        right = [
            all_of(
                call.guard,
                eq(session.argument(call, "cr2_or_gpa"), gpa),
                eq(session.argument(call, "err"), error_code),
                ne(session.argument(call, "prefetch"), 0),
                is_given(call, pointer_to(level)),
                is_given(call, pointer_to(vcpu)),
            )
            for call in calls
        ]
        return PageMappedAhead(
            of_tdp=of_tdp,
            maps=any_of(*(call.guard for call in calls)),
            right=any_of(*right),
            result=result,
            mapped=self._is(result, *_MAPPED),
            retry=self._is(result, constants.RET_PF_RETRY),
            ends=_ends(session, name),
            answer=answer,
            evidence=session.evidence(),
        )

    @once
    def private(self) -> PrivatePageMapped | None:
        """See `AskedMappings.private`."""
        if not self._unit.has_function(_PRIVATE):
            return None
        slot = Object(
            name="slot", type=self._unit.record(kvm_memory_slot.STRUCT), kind=ObjectKind.INPUT, by_pointer=True
        )
        find = replace(cuts.FIND, gives=pointer_to(slot))
        known = (find, *(cut for cut in cuts.PRIVATE if cut is not cuts.FIND))
        bench, _, kvm = self._bench(_PRIVATE, known)
        gfn, pfn, tdp_mmu = var("gfn", 64), var("pfn", 64), uses_tdp_mmu(bench, kvm)
        answer = bench.integer(_PRIVATE, gfn=gfn, pfn=pfn)
        session = bench.session
        call = session.only_call(cuts.MAP.function)
        (place,) = (target.place for target in session.pointer_argument(call, "fault").targets)
        if place is None or call.memory is None:
            raise NotThere([f"a fault that {call.function}() is told of"])
        fault, memory = place.object, call.memory
        at = bench.place(fault, kvm_page_fault.SLOT)
        held = as_pointer(memory.read(fault, at.offset, at.width))
        result = answer_of(call, 32)

        def of_frame(each: CallMade) -> Bool:
            return all_of(each.guard, eq(session.argument(each, "gfn"), gfn))

        asked = session.calls(*(cut.function for cut in cuts.TRACKED))
        return PrivatePageMapped(
            gfn=gfn,
            pfn=pfn,
            tdp_mmu=tdp_mmu,
            maps=call.guard,
            fault=read_fault(memory, place),
            fault_pfn=bench.read(fault, kvm_page_fault.PFN, memory),
            own_slot=all_of(
                FALSE if held is None else same_place(held, pointer_to(slot)),
                any_of(*map(of_frame, session.calls(cuts.FIND.function))),
            ),
            tracked=any_of(*(is_nonzero(each) for each in asked)),
            asks=any_of(*(all_of(of_frame(each), is_given(each, pointer_to(slot))) for each in asked)),
            result=result,
            mapped=self._is(result, constants.RET_PF_FIXED),
            ends=_ends(session, _PRIVATE),
            answer=answer,
            evidence=session.evidence(),
        )


def _ends(session: Session, name: str) -> Bool:
    """Whether a function does not begin anew."""
    return negate(any_of(*(back.guard for back in session.machine.went_back if back.function == name)))
