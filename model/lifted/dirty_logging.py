"""Turning on the log of dirty pages in a lifted tree: ``x86.c``."""

from __future__ import annotations

from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, Pointer, pointer_to, same_place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import dirty_logging as cuts
from mmuproof.model.dirty_logging import DirtyLogging, FlagsApplied
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import has_member
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bv, ite, ne, var, zext

_FUNCTION = "kvm_mmu_slot_apply_flags"
_SIZE = "cpu_dirty_log_size"


class LiftedDirtyLogging(DirtyLogging, Remembers):
    """What a lifted tree does about a slot's flags.

    Args:
        unit: ``x86.c``.
        _mmu: ``mmu.c``, in which is read what those write that are not followed.
        _tdp: ``tdp_mmu.c``, likewise.
    """

    def __init__(self, unit: Unit, _mmu: Unit, _tdp: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def flags_applied(self) -> FlagsApplied:
        """See `DirtyLogging.flags_applied`."""
        bench = Bench(self._unit, cuts.CUTS)
        kvm = bench.add("kvm", "struct kvm")
        slots = [
            Object(name=name, type=self._unit.record("struct kvm_memory_slot"), kind=ObjectKind.INPUT, by_pointer=True)
            for name in ("old", "new")
        ]
        old_flags, new_flags = (bench.read(slot, "flags") for slot in slots)
        change, manual = var("change", 32), zext(bench.read(kvm, "manual_dirty_log_protect"), 64)
        size = self._log_size(bench, kvm)
        bench.session.call(
            bench.memory,
            _FUNCTION,
            objects=bench.objects,
            values={"change": change},
            pointers={"old": pointer_to(slots[0]), "new": pointer_to(slots[1])},
        )
        new = pointer_to(slots[1])
        protects = bench.session.calls(cuts.PROTECT.function)
        clears = bench.session.calls(cuts.CLEAR_DIRTY.function)
        flushes = bench.session.calls(*(cut.function for cut in cuts.FLUSHES))
        made = bench.session.machine.calls_made
        last = max((made.index(each) for each in (*protects, *clears)), default=-1)
        level = bv(0, 32)
        for call in protects:
            level = ite(call.guard, bench.session.argument(call, "start_level"), level)
        return FlagsApplied(
            function=_FUNCTION,
            old_flags=old_flags,
            new_flags=new_flags,
            change=change,
            manual_protect=manual,
            processor_logs=ne(size, 0),
            protects=any_of(*(_is_for(each, new) for each in protects)),
            protects_from=level,
            clears_dirty=any_of(*(_is_for(each, new) for each in clears)),
            flushes=any_of(*(_is_for(each, new) for each in flushes if made.index(each) > last)),
            evidence=bench.session.evidence(),
        )

    def _log_size(self, bench: Bench, kvm: Object) -> BitVec:
        """How many entries the processor's own log has; 0 if there is none."""
        if has_member(self._unit.record("struct kvm"), [f"arch.{_SIZE}"]):
            return bench.read(kvm, f"arch.{_SIZE}")
        return bench.read(bench.session.global_object("kvm_x86_ops"), _SIZE)


def _is_for(call: CallMade, slot: Pointer) -> Bool:
    """Whether a call is made for a slot."""
    told = call.arguments[1]
    assert isinstance(told, Pointer)
    return all_of(call.guard, same_place(told, slot))
