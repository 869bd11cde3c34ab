"""Roots of a lifted tree's TDP MMU that somebody holds no longer: ``tdp_mmu.c``."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import dropped_roots as cuts
from mmuproof.model.dropped_roots import DroppedRoots, RootDropped
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_called, is_nonzero
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import functions, kvm_mmu_page, kvm_vm
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, negate, var


class LiftedDroppedRoots(DroppedRoots, Remembers):
    """What a lifted tree does.

    Args:
        unit: ``tdp_mmu.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def dropped(self) -> RootDropped:
        """See `DroppedRoots.dropped`."""
        bench = Bench(self._unit, cuts.CUTS)
        bench.add("kvm", kvm_vm.STRUCT)
        root = bench.add("root", kvm_mmu_page.STRUCT)
        count, link, head = (
            pointer_to(root, bench.place(root, each).offset)
            for each in (kvm_mmu_page.TDP_MMU_ROOT_COUNT, kvm_mmu_page.LINK, kvm_mmu_page.RCU_HEAD)
        )
        bench.call(functions.KVM_TDP_MMU_PUT_ROOT, shared=var("shared", 8) & 1)
        session = bench.session
        counts, unlists, frees = (session.calls(each.function) for each in (cuts.COUNT, cuts.UNLIST, cuts.FREE_LATER))
        return RootDropped(
            counted=is_called(counts, count),
            last=any_of(*(all_of(call.guard, is_nonzero(call)) for call in counts)),
            unlisted=is_called(unlists, link),
            freed=is_called(frees, head),
            listed_still=_any_before(session.machine.calls_made, frees, unlists),
            at_once=session.called(*(each.function for each in cuts.FREE_AT_ONCE)),
            evidence=session.evidence(),
        )


def _any_before(made: Sequence[CallMade], ones: Sequence[CallMade], others: Sequence[CallMade]) -> Bool:
    """Whether a call of the ones is made before any of the others."""
    before, done = FALSE, FALSE
    for call in made:
        if call in others:
            done = any_of(done, call.guard)
        elif call in ones:
            before = any_of(before, all_of(call.guard, negate(done)))
    return before
