"""The log of dirty pages in a lifted tree: ``x86.c`` and ``mmu.c``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, Pointer, Value, pointer_to, same_place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import dirty_logging as cuts
from mmuproof.model.dirty_logging import DirtyLogging, FlagsApplied, HugePagesProtected, MaskLogged
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import has_member
from mmuproof.model.named import constants, host_kernel, kvm_memory_slot, kvm_vm, switches
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, bv, eq, ite, ne, var, zext

_FUNCTION, _MASKED = "kvm_mmu_slot_apply_flags", "kvm_arch_mmu_enable_log_dirty_pt_masked"


class LiftedDirtyLogging(DirtyLogging, Remembers):
    """What a lifted tree does about a slot's flags.

    Args:
        unit: ``x86.c``.
        mmu: ``mmu.c``.
        _tdp: ``tdp_mmu.c``, likewise.
    """

    def __init__(self, unit: Unit, mmu: Unit, _tdp: Unit) -> None:
        super().__init__()
        self._unit, self._mmu = unit, mmu

    @once
    def flags_applied(self) -> FlagsApplied:
        """See `DirtyLogging.flags_applied`."""
        bench = Bench(self._unit, cuts.CUTS)
        kvm = bench.add("kvm", kvm_vm.STRUCT)
        slots = [
            Object(name=name, type=self._unit.record(kvm_memory_slot.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
            for name in ("old", "new")
        ]
        old_flags, new_flags = (bench.read(slot, kvm_memory_slot.FLAGS) for slot in slots)
        change, manual = var("change", 32), zext(bench.read(kvm, kvm_vm.MANUAL_DIRTY_LOG_PROTECT), 64)
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

    @once
    def mask_logged(self) -> MaskLogged:
        """See `DirtyLogging.mask_logged`."""

        def highest(arguments: Sequence[Value | None]) -> Value:
            word, found = arguments[0], bv(0, 64)
            assert isinstance(word, BitVec)
            for number in range(word.width):
                found = ite(bit(word, number), bv(number, 64), found)
            return found

        bench = Bench(self._mmu, (replace(cuts.HIGHEST_BIT, gives=highest), *cuts.MASKED))
        kvm, slot = bench.add("kvm", kvm_vm.STRUCT), bench.add("slot", kvm_memory_slot.STRUCT)
        offset, mask = var("gfn_offset", 64), var("mask", 64)
        manual = zext(bench.read(kvm, kvm_vm.MANUAL_DIRTY_LOG_PROTECT), 64)
        bench.call(_MASKED, gfn_offset=offset, mask=mask)
        told = bench.session.argument
        initially_set = self._mmu.constant(constants.KVM_DIRTY_LOG_INITIALLY_SET)
        if initially_set is None:
            raise NotThere([constants.KVM_DIRTY_LOG_INITIALLY_SET])
        return MaskLogged(
            function=_MASKED,
            base_gfn=bench.read(slot, kvm_memory_slot.BASE_GFN),
            offset=offset,
            mask=mask,
            starts_dirty=ne(manual & initially_set, 0),
            huge_pages=tuple(
                HugePagesProtected(when=each.guard, gfn=told(each, "gfn"), min_level=told(each, "min_level"))
                for each in bench.session.calls(cuts.PROTECT_HUGE.function)
            ),
            small_pages=any_of(
                *(
                    all_of(each.guard, eq(told(each, "gfn_offset"), offset), eq(told(each, "mask"), mask))
                    for each in bench.session.calls(*(cut.function for cut in cuts.SMALL))
                )
            ),
            evidence=bench.session.evidence(),
        )

    def _log_size(self, bench: Bench, kvm: Object) -> BitVec:
        """How many entries the processor's own log has; 0 if there is none."""
        if has_member(self._unit.record(kvm_vm.STRUCT), [kvm_vm.CPU_DIRTY_LOG_SIZE]):
            return bench.read(kvm, kvm_vm.CPU_DIRTY_LOG_SIZE)
        return bench.read(bench.session.global_object(switches.KVM_X86_OPS), host_kernel.CPU_DIRTY_LOG_SIZE)


def _is_for(call: CallMade, slot: Pointer) -> Bool:
    """Whether a call is made for a slot."""
    told = call.arguments[1]
    assert isinstance(told, Pointer)
    return all_of(call.guard, same_place(told, slot))
