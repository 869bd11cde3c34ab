"""Below which root a lifted tree's TDP MMU maps the page of a fault: ``tdp_mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.memory import Object, ObjectKind, pointer_to, same_place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import fault_roots as cuts
from mmuproof.model.cuts import map_rounds
from mmuproof.model.fault_roots import FaultRoot, FaultRoots
from mmuproof.model.lifted.calls_made import given_last
from mmuproof.model.lifted.mmus import Mmus
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.round_bench import RoundBench
from mmuproof.model.lifted.session import has_member
from mmuproof.model.named import functions, kvm_mmu, kvm_mmu_page, kvm_page_fault, kvm_vcpu, kvm_vm, tdp_iter
from mmuproof.smt.terms import BitVec, bv, resize


class LiftedFaultRoots(FaultRoots, Remembers):
    """Below which root a lifted tree maps it.

    Args:
        tdp: ``tdp_mmu.c``.
        _mmu: ``mmu.c``, in which is read what those write that are not followed.
    """

    def __init__(self, tdp: Unit, _mmu: Unit) -> None:
        super().__init__()
        self._tdp = tdp

    @once
    def mapped(self) -> FaultRoot:
        """See `FaultRoots.mapped`."""
        record = self._tdp.record(kvm_mmu_page.STRUCT)
        page = Object(name="root", type=record, kind=ObjectKind.INPUT, by_pointer=True)
        found = (replace(cut, gives=pointer_to(page)) for cut in cuts.FOUND)
        bench = RoundBench(self._tdp, (*found, *cuts.CUTS), functions.KVM_TDP_MMU_MAP)
        vcpu, kvm = bench.vcpu, bench.add("kvm", kvm_vm.STRUCT)
        Mmus(vcpu).connect(bench.memory, nested=False, l2=False)
        bench.write(vcpu, kvm_vcpu.KVM, pointer_to(kvm))
        bench.run(tdp_iter.STRUCT)
        before, session = bench.called_with, bench.session
        start = session.only_call(map_rounds.TDP_START.function)
        return FaultRoot(
            address=bench.of(before, bench.fault, kvm_page_fault.ADDR),
            gfn=bench.of(before, bench.fault, kvm_page_fault.GFN),
            direct_bits=self._direct_bits(bench, kvm),
            root=bench.of(before, vcpu, f"{kvm_mmu.ROOT_MMU}.{kvm_mmu.ROOT_HPA}"),
            mirror=self._mirror(bench),
            walked=given_last(session.calls(*(cut.function for cut in cuts.FOUND)), 64),
            of_root=same_place(session.pointer_argument(start, "root"), pointer_to(page)),
            first_gfn=session.argument(start, tdp_iter.NEXT_LAST_LEVEL_GFN),
            lowest=resize(session.argument(start, "min_level"), 32),
            evidence=session.evidence(),
        )

    def _direct_bits(self, bench: RoundBench, kvm: Object) -> BitVec:
        """The bits of shared memory's frames; older kernels mirror no tables."""
        has = self._tdp.has_member(kvm_vm.ARCH, kvm_vm.ARCH_GFN_DIRECT_BITS)
        return bench.of(bench.called_with, kvm, kvm_vm.GFN_DIRECT_BITS) if has else bv(0, 64)

    def _mirror(self, bench: RoundBench) -> BitVec:
        has = has_member(self._tdp.record(kvm_mmu.MMU), [kvm_mmu.MIRROR_ROOT_HPA])
        place = f"{kvm_mmu.ROOT_MMU}.{kvm_mmu.MIRROR_ROOT_HPA}"
        return bench.of(bench.called_with, bench.vcpu, place) if has else bv(0, 64)
