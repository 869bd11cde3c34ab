"""Which faults a lifted tree may fix without KVM's lock: ``mmu.c``."""

from __future__ import annotations

from mmuproof.lift.machine.memory import pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import fast_faults as cuts
from mmuproof.model.fast_faults import FastFaults, FastJudged
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_given, is_nonzero, numbers_given
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import functions, kvm_page_fault, kvm_vm
from mmuproof.smt.terms import all_of, any_of, bool_var, eq, ne, negate


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
        asked, told = [], []
        for call in bench.session.calls(cuts.IS_PRIVATE.function):
            right = all_of(call.guard, is_given(call, pointer_to(kvm)), eq(numbers_given(call)[0], gfn))
            asked.append(right)
            told.append(all_of(right, is_nonzero(call)))
        unasked = all_of(negate(any_of(*asked)), bool_var("the frame is private memory"))
        return FastJudged(
            reserved=ne(bench.read(fault, kvm_page_fault.RSVD), 0),
            private=ne(bench.read(fault, kvm_page_fault.IS_PRIVATE), 0),
            tells_apart=ne(bench.read(kvm, kvm_vm.HAS_PRIVATE_MEM), 0),
            frame_private=any_of(*told, unasked),
            may=may,
            evidence=bench.session.evidence(),
        )
