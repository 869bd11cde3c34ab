"""What a lifted tree does to the lists of what maps frames: ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, Pointer, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import frame_handlers as cuts
from mmuproof.model.frame_handlers import (
    HUGEST,
    FrameHandler,
    FrameHandlers,
    ListHandled,
    RangeHandedOn,
    VcpuFrameProtected,
)
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_answered_yes, is_given, numbers_given
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import functions, kvm_memory_slot, kvm_vcpu, kvm_vm
from mmuproof.smt.terms import Bool, all_of, any_of, boolean, bv, eq, implies, ne, sle, var

_NAMES = {FrameHandler.ZAP: (functions.INNER_KVM_ZAP_RMAP, FrameHandler.ZAP.value)}
_RANGE, _OF_VCPU = functions.INNER_KVM_RMAP_ZAP_GFN_RANGE, functions.KVM_VCPU_WRITE_PROTECT_GFN


class LiftedFrameHandlers(FrameHandlers, Remembers):
    """What a lifted tree hands on.

    Args:
        unit: ``mmu.c``.
        _tdp: ``tdp_mmu.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _tdp: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def handled(self, handler: FrameHandler) -> ListHandled:
        """See `FrameHandlers.handled`."""
        bench = Bench(self._unit, cuts.HANDLES)
        bench.add("kvm", kvm_vm.STRUCT)
        bench.add("slot", kvm_memory_slot.STRUCT)
        head = bench.add("rmap_head", kvm_memory_slot.RMAP_HEAD)
        answer = bench.integer(self._unit.function(*_NAMES.get(handler, (handler.value,))).name)
        zaps = handler is FrameHandler.ZAP
        calls = bench.session.calls((cuts.ZAP_LIST if zaps else cuts.PROTECT_LIST).function)
        done = [
            all_of(
                call.guard,
                is_given(call, pointer_to(head)),
                # What is asked for is no lasting protection.
                *(eq(number, 0) for number in numbers_given(call)),
            )
            for call in calls
        ]
        return ListHandled(
            done=any_of(*done), answer=ne(answer, 0), changed=is_answered_yes(calls), evidence=bench.session.evidence()
        )

    @once
    def zapped(self) -> RangeHandedOn | None:
        """See `FrameHandlers.zapped`."""
        if not self._unit.has_function(_RANGE):
            return None
        bench = Bench(self._unit, cuts.WALKS)
        bench.add("kvm", kvm_vm.STRUCT)
        slot = bench.add("slot", kvm_memory_slot.STRUCT)
        start, end, may_yield, flush = var("start", 64), var("end", 64), var("can_yield", 8) & 1, var("flush", 8) & 1
        answer = bench.integer(_RANGE, start=start, end=end, can_yield=may_yield, flush=flush)
        session = bench.session
        call = session.only_call(cuts.WALK.function)

        def told(name: str) -> Bool:
            return all_of(call.guard, ne(session.argument(call, name), 0))

        lowest, highest = (session.argument(call, name) for name in ("start_level", "end_level"))
        return RangeHandedOn(
            whole=all_of(
                call.guard,
                is_given(call, pointer_to(slot)),
                _is_for(call, FrameHandler.ZAP.value),
                eq(session.argument(call, "start_gfn"), start),
                eq(session.argument(call, "end_gfn"), end - 1),
            ),
            levels=tuple(
                all_of(call.guard, sle(lowest, bv(each, 32)), sle(bv(each, 32), highest))
                for each in range(1, HUGEST + 1)
            ),
            keeps_flush=implies(ne(flush, 0), told("flush")),
            flushes=told("flush_on_yield"),
            yields=told("can_yield"),
            may_yield=ne(may_yield, 0),
            answer=ne(answer, 0),
            due=is_answered_yes((call,)),
            evidence=session.evidence(),
        )

    @once
    def protected(self) -> VcpuFrameProtected:
        """See `FrameHandlers.protected`."""
        slot = Object(
            name="slot", type=self._unit.record(kvm_memory_slot.STRUCT), kind=ObjectKind.INPUT, by_pointer=True
        )
        find = replace(cuts.FIND, gives=pointer_to(slot))
        bench = Bench(self._unit, (find, *(cut for cut in cuts.PROTECTS if cut is not cuts.FIND)))
        vcpu, gfn = bench.add("vcpu", kvm_vcpu.STRUCT), var("gfn", 64)
        answer = bench.integer(_OF_VCPU, gfn=gfn)
        session = bench.session
        looks, calls = session.calls(cuts.FIND.function), session.calls(cuts.PROTECT.function)
        return VcpuFrameProtected(
            own_slot=any_of(
                *(
                    all_of(call.guard, is_given(call, pointer_to(vcpu)), eq(session.argument(call, "gfn"), gfn))
                    for call in looks
                )
            ),
            done=any_of(
                *(
                    all_of(
                        call.guard,
                        is_given(call, pointer_to(slot)),
                        eq(session.argument(call, "gfn"), gfn),
                        eq(session.argument(call, "min_level"), 1),
                    )
                    for call in calls
                )
            ),
            answer=ne(answer, 0),
            changed=is_answered_yes(calls),
            evidence=session.evidence(),
        )


def _is_for(call: CallMade, name: str) -> Bool:
    """Whether a call is given a function to call."""
    pointers = (each for each in call.arguments if isinstance(each, Pointer))
    named = {target.function.name for each in pointers for target in each.targets if target.function is not None}
    return boolean(named == {name})
