"""How a handler of page faults goes from the host's frame to the mapping, in a lifted tree."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmuproof.lift.c_types import PointerType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, Place, input_pointer, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.fault_handlers import CUTS, MAPS
from mmuproof.model.cuts.faults import FORMER_ANSWER, SEARCHES, STALE
from mmuproof.model.fault_handlers import FaultHandler, FaultHandlers, FaultMapped
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, is_nonzero
from mmuproof.model.lifted.changes import strays
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.fault_members import asked_if_tracked, read_fault
from mmuproof.model.lifted.mmus import Mmus
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import constants, kvm_mmu, kvm_page_fault, kvm_vcpu, kvm_vm
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, eq, ne, negate, var

_NAMES: Mapping[FaultHandler, tuple[str, ...]] = MappingProxyType(
    {each: (each.value,) for each in FaultHandler}
    # One function has handled the faults of both MMUs.
    | {FaultHandler.TDP_MMU: (FaultHandler.TDP_MMU.value, FaultHandler.DIRECT.value)}
)

_ROLES = tuple(f"{each}.{kvm_mmu.CPU_ROLE}" for each in kvm_mmu.WALKED_BY)
"""A walk of the guest's tables brings CR0.WP up to date in them."""


class LiftedFaultHandlers(FaultHandlers, Remembers):
    """The part of a lifted tree that handles page faults (``mmu.c``, ``paging_tmpl.h``)."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def mapped(self, handler: FaultHandler) -> FaultMapped:
        """See `FaultHandlers.mapped`."""
        bench = Bench(self._unit, CUTS)
        vcpu, fault = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("fault", kvm_page_fault.STRUCT)
        # It is a variable of the caller's.
        fault.settled = True
        bench.write(vcpu, kvm_vcpu.KVM, pointer_to(bench.add("kvm", kvm_vm.STRUCT)))
        nested = handler is FaultHandler.EPT
        Mmus(vcpu).connect(bench.memory, nested=nested, l2=nested)
        function = next((each for each in _NAMES[handler] if self._unit.has_function(each)), handler.value)
        before = bench.memory.copy()
        answer = bench.integer(function)
        search = bench.session.only_call(*(cut.function for cut in SEARCHES))
        maps = bench.session.only_call(*(cut.function for cut in MAPS[handler]))
        if search.memory is None or maps.memory is None:
            raise Refused(f"it is not known what memory holds when {function}() maps a page")
        _check_given(search, fault)
        _check_given(maps, fault)
        place, found = Place(fault, 0), f"after {search.function}()"
        at = bench.place(fault, kvm_page_fault.SLOT)
        held = as_pointer(maps.memory.read(fault, at.offset, at.width))
        assert isinstance(at.type, PointerType)
        left = input_pointer(fault, f"fault->slot {found}", at.type, "slot")
        asked = asked_if_tracked(bench, fault)
        return FaultMapped(
            function=function,
            searched=read_fault(search.memory, place),
            goes_on=self._goes_on(bench, search),
            found_pfn=var(f"fault->pfn {found}", bench.place(fault, kvm_page_fault.PFN).width),
            found_writable=ne(var(f"fault->map_writable {found}", 1), 0),
            found_level=var(f"fault->max_level {found}", bench.place(fault, kvm_page_fault.MAX_LEVEL).width),
            fresh=self._fresh(bench, fault, search, maps),
            maps=maps.guard,
            told=read_fault(maps.memory, place),
            pfn=bench.read(fault, kvm_page_fault.PFN, maps.memory),
            same_slot=FALSE if held is None else same_place(held, left),
            asks=all_of(asked.when, asked.in_slot, eq(asked.gfn, asked.faults_gfn)),
            tracked=asked.answer,
            strays=all_of(maps.guard, strays(before, maps.memory, _ROLES, [fault])),
            answers_otherwise=all_of(maps.guard, ne(answer, answer_of(maps, 32))),
            evidence=bench.session.evidence(),
        )

    def _goes_on(self, bench: Bench, search: CallMade) -> Bool:
        """Whether the search has said to go on, and what older kernels ask after it."""
        goes_on = constant_of(self._unit, constants.RET_PF_CONTINUE)
        answers = [eq(answer_of(search, 32), goes_on)]
        if self._unit.has_function(FORMER_ANSWER.function):
            calls = bench.session.calls(FORMER_ANSWER.function)
            answers.append(any_of(*(all_of(each.guard, eq(answer_of(each, 32), goes_on)) for each in calls)))
        return all_of(search.guard, *answers)

    def _fresh(self, bench: Bench, fault: Object, search: CallMade, maps: CallMade) -> Bool:
        """Whether it has been asked between the two calls whether the fault is out of date, and it is not."""
        order = {id(call): number for number, call in enumerate(bench.session.machine.calls_made)}
        low, high = order[id(search)], order[id(maps)]
        calls = [each for each in bench.session.calls(STALE.function) if low < order[id(each)] < high]
        for each in calls:
            _check_given(each, fault)
        return any_of(*(all_of(each.guard, negate(is_nonzero(each))) for each in calls))


def _check_given(call: CallMade, fault: Object) -> None:
    """A call is given the fault that the handler is given.

    Raises:
        Refused: it is not.
    """
    given = (as_pointer(each) for each in call.arguments if each is not None)
    targets = [target.place for each in given if each is not None for target in each.targets if target.place]
    if not any(each.object is fault and each.offset == 0 for each in targets):
        raise Refused(f"{call.function}() is given another fault", str(call.at))
