"""What bounds the size of pages in a lifted tree: ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import PointerType
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import Object, ObjectKind, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import common
from mmuproof.model.cuts import level_limits as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.level_limits import GuestMemoryLimit, HostMapping, LevelLimits, MmuConfigured, UnpagedFault
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_given, is_nonzero, numbers_given
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.named import functions, kvm_memory_slot, kvm_page_fault, kvm_vcpu, kvm_vm, switches
from mmuproof.smt.terms import FALSE, TRUE, BitVec, all_of, any_of, bv, ite, ne, negate, resize, var

_HOST, _CONFIGURES, _UNPAGED = (
    functions.HOST_PFN_MAPPING_LEVEL,
    functions.KVM_CONFIGURE_MMU,
    functions.NONPAGING_PAGE_FAULT,
)
_OF_GUEST_MEMORY = functions.KVM_GMEM_MAX_MAPPING_LEVEL
_TOLD = ("tdp_forced_root_level", "tdp_max_root_level", "tdp_huge_page_level")
_KEPT = (switches.TDP_ROOT_LEVEL, switches.MAX_TDP_LEVEL, switches.MAX_HUGE_PAGE_LEVEL)


class LiftedLevelLimits(LevelLimits, Remembers):
    """What bounds the size of a lifted tree's pages.

    Args:
        unit: ``mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    def _entry(self, cut: Cut) -> Object:
        """An entry of the host's tables, of the type to which a function leads."""
        type_ = self._unit.function(cut.function).result
        if not isinstance(type_, PointerType):
            raise NotThere([f"an entry to which {cut.function}() leads"])
        name = cut.function.removesuffix("_pgd").removesuffix("_offset")
        made = Object(name=f"the host's {name}", type=type_.target, kind=ObjectKind.INPUT, by_pointer=True)
        made.settled = True
        return made

    @once
    def of_host(self) -> HostMapping:
        """See `LevelLimits.of_host`."""
        finds = (cuts.PGD, cuts.P4D, cuts.PUD, cuts.PMD)
        entries = {cut: self._entry(cut) for cut in finds}
        address, gfn = var("the frame's address", 64), var("gfn", 64)
        known = tuple(
            replace(cut, gives=pointer_to(entries[cut])) if cut in entries else cut
            for cut in cuts.HOST
            if cut is not cuts.ADDRESS
        )
        bench = Bench(self._unit, (*known, replace(cuts.ADDRESS, gives=address)))
        kvm, slot = bench.add("kvm", kvm_vm.STRUCT), bench.add("slot", kvm_memory_slot.STRUCT)
        bench.add("vcpu", kvm_vcpu.STRUCT)
        kvm.settled = slot.settled = True
        level, session = bench.integer(_HOST, gfn=gfn), bench.session
        asked = session.calls(cuts.ADDRESS.function)
        wrong = [
            all_of(call.guard, any_of(ne(numbers_given(call)[0], gfn), negate(is_given(call, pointer_to(slot)))))
            for call in asked
        ]
        for cut in finds:
            wrong.extend(
                all_of(call.guard, ne(numbers_given(call)[-1], address)) for call in session.calls(cut.function)
            )

        def held(cut: Cut) -> BitVec:
            entry = entries[cut]
            return read(bench.memory, entry, 0, entry.type.bits)

        return HostMapping(
            above=(held(cuts.PGD), held(cuts.P4D)),
            pud=held(cuts.PUD),
            pmd=held(cuts.PMD),
            reads_pud=session.called(cuts.PUD.function),
            reads_pmd=session.called(cuts.PMD.function),
            another_address=any_of(*wrong) if asked else TRUE,
            level=level,
            evidence=session.evidence(),
        )

    @once
    def configured(self) -> MmuConfigured:
        """See `LevelLimits.configured`."""
        bench = Bench(self._unit, common.CUTS)
        tdp = var("enable_tdp", 8) & 1
        told = {name: var(name, 32) for name in _TOLD}
        has_tdp_mmu = self._unit.has_variable(switches.TDP_MMU_ENABLED)
        allowed = bench.setting(switches.TDP_MMU_ALLOWED) if has_tdp_mmu else FALSE
        bench.call(_CONFIGURES, enable_tdp=tdp, **told)
        session = bench.session
        forced, most, huge = (resize(session.global_value(bench.memory, name), 32) for name in _KEPT)
        return MmuConfigured(
            tdp_told=ne(tdp, 0),
            forced_told=told[_TOLD[0]],
            most_told=told[_TOLD[1]],
            huge_told=told[_TOLD[2]],
            allowed=allowed,
            gigabyte=any_of(*(is_nonzero(call) for call in session.calls(cuts.GIGABYTE))),
            tdp=bench.setting(switches.TDP_ENABLED),
            tdp_mmu=bench.setting(switches.TDP_MMU_ENABLED) if has_tdp_mmu else FALSE,
            forced=forced,
            most=most,
            huge=huge,
            evidence=session.evidence(),
        )

    @once
    def unpaged(self) -> UnpagedFault:
        """See `LevelLimits.unpaged`."""
        bench = Bench(self._unit, cuts.UNPAGED)
        bench.add("vcpu", kvm_vcpu.STRUCT)
        fault = bench.add("fault", kvm_page_fault.STRUCT)
        bench.integer(_UNPAGED)
        calls, level = bench.session.calls(cuts.HANDLE.function), bv(0, 32)
        for call in calls:
            level = ite(call.guard, resize(bench.read(fault, kvm_page_fault.MAX_LEVEL, call.memory), 32), level)
        return UnpagedFault(
            handled=any_of(*(call.guard for call in calls)), level=level, evidence=bench.session.evidence()
        )

    @once
    def of_guest_memory(self) -> GuestMemoryLimit | None:
        """See `LevelLimits.of_guest_memory`."""
        if not self._unit.has_function(_OF_GUEST_MEMORY):
            return None
        bench = Bench(self._unit, cuts.GUEST_MEMORY)
        bench.add("kvm", kvm_vm.STRUCT)
        bench.add("slot", kvm_memory_slot.STRUCT)
        fault = bench.add("fault", kvm_page_fault.STRUCT)
        found = resize(bench.read(fault, kvm_page_fault.MAX_LEVEL), 32)
        level = bench.integer(_OF_GUEST_MEMORY, gfn=var("gfn", 64), is_private=var("is_private", 8) & 1)
        return GuestMemoryLimit(
            found=found,
            vendor=var(f"{cuts.VENDOR.function}()", 32),
            level=resize(level, 32),
            evidence=bench.session.evidence(),
        )
