"""How a lifted tree gives a page fault to whoever's tables deny an access: ``x86.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.memory import Object, Pointer, pointer_to
from mmuproof.lift.machine.values import FunctionRef, Target
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import injected_faults as cuts
from mmuproof.model.cuts.faults import GIVES
from mmuproof.model.injected_faults import FaultOfProcessor, InjectedFault, InjectedFaults, QueuedFault
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_called, is_given, numbers_given
from mmuproof.model.lifted.changes import differ
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import functions, kvm_mmu, kvm_vcpu, x86_exception
from mmuproof.smt.terms import FALSE, TRUE, all_of, any_of, bv, eq, implies, ne, negate, resize, var

_IN_USE = 1
"""What means the root in use."""
_HANDLERS = {cuts.TO_L1: Part.NESTED_WALK, cuts.TO_GUEST: Part.GUEST_WALK}


class LiftedInjectedFaults(InjectedFaults, Remembers):
    """The part of a lifted tree that gives page faults to guests.

    Args:
        x86: ``x86.c``.
        _mmu: ``mmu.c``, in which is read what those write that are not followed.
    """

    def __init__(self, x86: Unit, _mmu: Unit) -> None:
        super().__init__()
        self._x86 = x86

    @once
    def injected(self, nested: bool) -> InjectedFault:
        """See `InjectedFaults.injected`."""
        bench = Bench(self._x86, cuts.INJECTS)
        vcpu, fault = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("fault", x86_exception.STRUCT)
        mmus = Mmus(vcpu)
        mmus.connect(bench.memory, nested=True, l2=False)
        _let_handlers_be_known(bench, vcpu, mmus)
        bench.write(fault, x86_exception.NESTED_PAGE_FAULT, bv(nested, 8))
        code, address = bench.read(fault, x86_exception.ERROR_CODE), bench.read(fault, x86_exception.ADDRESS)
        before = bench.memory.copy()
        bench.call(self._x86.function(*(cut.function for cut in GIVES)).name, from_hardware=var("from_hardware", 8) & 1)
        session = bench.session
        walk = pointer_to(vcpu, mmus.find(_HANDLERS[cuts.TO_L1 if nested else cuts.TO_GUEST]).offset)
        invalidated, right, in_use = FALSE, FALSE, FALSE
        for call in session.calls(*(cut.function for cut in cuts.FORGET)):
            mine = all_of(call.guard, any_of(*(eq(each, address) for each in numbers_given(call) if each.width == 64)))
            invalidated, right = any_of(invalidated, mine), any_of(right, all_of(mine, is_given(call, walk)))
            current = TRUE if call.function == cuts.FORGET[1].function else eq(session.argument(call, "roots"), _IN_USE)
            in_use = any_of(in_use, all_of(mine, current))
        to_l1, to_guest = (session.calls(cut.function) for cut in (cuts.TO_L1, cuts.TO_GUEST))
        owners, others = (to_l1, to_guest) if nested else (to_guest, to_l1)
        return InjectedFault(
            nested=nested,
            error_code=code,
            address=address,
            invalidated=invalidated,
            right_mmu=right,
            in_use=in_use,
            told=all_of(is_called(owners, pointer_to(fault)), *(negate(call.guard) for call in others)),
            unchanged=all_of(
                *(
                    implies(call.guard, negate(differ(fault, x86_exception.TOLD, before, call.memory)))
                    for call in owners
                    if call.memory is not None
                )
            ),
            evidence=session.evidence(),
        )

    @once
    def of_processor(self) -> FaultOfProcessor:
        """See `InjectedFaults.of_processor`."""
        code, address, walked = var("error_code", 16), var("gva", 64), var("what the walk answers", 64)
        bench = Bench(self._x86, (replace(cuts.WALK, gives=walked), *cuts.QUEUES))
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        mmus = Mmus(vcpu)
        mmus.connect(bench.memory, nested=False, l2=False)
        place = mmus.place(Part.GUEST_WALK, kvm_mmu.INJECT_PAGE_FAULT)
        handler = FunctionRef(functions.KVM_INJECT_PAGE_FAULT, known=True)
        bench.memory.write(vcpu, place.offset, place.width, Pointer((Target(guard=TRUE, function=handler),)))
        bench.call("kvm_fixup_and_inject_pf_error", gva=address, error_code=code)
        queued = bench.session.only_call(cuts.QUEUE.function)
        vector, told, payload = numbers_given(queued)
        return FaultOfProcessor(
            error_code=code,
            address=address,
            walked=walked,
            none=bv(-1, 64),
            queued=queued.guard,
            exits=bench.session.called(cuts.EXIT.function),
            vector=resize(vector, 32),
            code=resize(told, 32),
            payload=resize(payload, 64),
            evidence=bench.session.evidence(),
        )

    @once
    def queued(self) -> QueuedFault:
        """See `InjectedFaults.queued`."""
        bench = Bench(self._x86, cuts.QUEUES)
        vcpu, fault = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("fault", x86_exception.STRUCT)
        mode = Bench(self._x86, cuts.QUEUES)
        mode.objects[kvm_vcpu.STRUCT] = pointer_to(vcpu)
        in_guest_mode = ne(mode.integer(functions.IS_GUEST_MODE), 0)
        code, address, asynchronous = (
            bench.read(fault, each)
            for each in (x86_exception.ERROR_CODE, x86_exception.ADDRESS, x86_exception.ASYNC_PAGE_FAULT)
        )
        bench.call(functions.KVM_INJECT_PAGE_FAULT, from_hardware=var("from_hardware", 8) & 1)
        queued = bench.session.only_call(cuts.QUEUE.function)
        vector, told, payload = numbers_given(queued)
        return QueuedFault(
            error_code=resize(code, 64),
            address=address,
            asynchronous=ne(asynchronous, 0),
            in_guest_mode=in_guest_mode,
            queued=queued.guard,
            exits=bench.session.called(cuts.EXIT.function),
            vector=resize(vector, 32),
            code=resize(told, 32),
            payload=resize(payload, 64),
            evidence=bench.session.evidence(),
        )


def _let_handlers_be_known(bench: Bench, vcpu: Object, mmus: Mmus) -> None:
    """Let each walk of the vCPU have another function that it hands faults to."""
    for handler, part in _HANDLERS.items():
        place, this = mmus.place(part, kvm_mmu.INJECT_PAGE_FAULT), FunctionRef(handler.function, known=True)
        bench.memory.write(vcpu, place.offset, place.width, Pointer((Target(guard=TRUE, function=this),)))
