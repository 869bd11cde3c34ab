"""Which faults a lifted tree may fix without KVM's lock: ``mmu.c``."""

from __future__ import annotations

from mmuproof.lift.machine.memory import pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import fast_faults as cuts
from mmuproof.model.fast_faults import FastFaults, FastJudged
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.private_frames import frame_is_private
from mmuproof.model.named import functions, kvm_page_fault, kvm_vm
from mmuproof.smt.terms import ne


class LiftedFastFaults(FastFaults, Remembers):
    """Which faults a lifted tree may fix so.

    Args:
        mmu: ``mmu.c``.
    """

    def __init__(self, mmu: Unit) -> None:
        super().__init__()
        self._mmu = mmu

    @once
    def judged(self) -> FastJudged:
        """See `FastFaults.judged`."""
        bench = Bench(self._mmu, cuts.CUTS)
        kvm, fault = bench.add("kvm", kvm_vm.STRUCT), bench.add("fault", kvm_page_fault.STRUCT)
        gfn, may = bench.read(fault, kvm_page_fault.GFN), ne(bench.integer(functions.PAGE_FAULT_CAN_BE_FAST), 0)
        return FastJudged(
            reserved=ne(bench.read(fault, kvm_page_fault.RSVD), 0),
            private=ne(bench.read(fault, kvm_page_fault.IS_PRIVATE), 0),
            tells_apart=ne(bench.read(kvm, kvm_vm.HAS_PRIVATE_MEM), 0),
            frame_private=frame_is_private(bench.session.calls(cuts.IS_PRIVATE.function), pointer_to(kvm), gfn),
            may=may,
            evidence=bench.session.evidence(),
        )
