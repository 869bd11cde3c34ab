"""How a walk of a lifted tree's TDP MMU lets others in: ``tdp_mmu.c``."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import walk_yields as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import functions, kvm_vm, tdp_iter
from mmuproof.model.walk_yields import WalkYielded, WalkYields
from mmuproof.smt.terms import FALSE, Bool, any_of, bv, ne, var


class LiftedWalkYields(WalkYields, Remembers):
    """What a lifted tree does.

    Args:
        unit: ``tdp_mmu.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def at_entry(self) -> WalkYielded:
        """See `WalkYields.at_entry`."""
        bench = Bench(self._unit, cuts.CUTS)
        bench.add("kvm", kvm_vm.STRUCT)
        walk = bench.add("iter", tdp_iter.STRUCT)
        # Who has let others in goes on with another entry, and comes here for that one.
        bench.write(walk, tdp_iter.YIELDED, bv(0, 8))
        flush = var("flush", 8) & 1
        answer = bench.integer(functions.TDP_MMU_ITER_COND_RESCHED, flush=flush, shared=var("shared", 8) & 1)
        return WalkYielded(
            due=ne(flush, 0),
            frees=bench.session.called(cuts.LEAVE.function),
            lets_in=bench.session.called(*(each.function for each in cuts.LET_IN)),
            flushed=_before(bench, cuts.FLUSH, cuts.LEAVE, *cuts.LET_IN),
            answers=ne(answer, 0),
            noted=ne(bench.read(walk, tdp_iter.YIELDED), 0),
            evidence=bench.session.evidence(),
        )


def _before(bench: Bench, wanted: Cut, *others: Cut) -> Bool:
    """Whether a function is called before the first call of any of the others."""
    done = FALSE
    for call in bench.session.machine.calls_made:
        if call.function in {each.function for each in others}:
            break
        if call.function == wanted.function:
            done = any_of(done, call.guard)
    return done
