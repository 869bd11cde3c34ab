"""Up to which frame the walks of a lifted tree's TDP MMU go: ``tdp_mmu.c``."""

from __future__ import annotations

from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import frame_bounds as cuts
from mmuproof.model.frame_bounds import FrameBounds, WalkBound
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.host_width import host_width
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import functions, switches


class LiftedFrameBounds(FrameBounds, Remembers):
    """What a lifted tree says.

    Args:
        unit: ``tdp_mmu.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def of_walks(self) -> WalkBound:
        """See `FrameBounds.of_walks`."""
        bench = Bench(self._unit, cuts.CUTS)
        end = bench.integer(functions.TDP_MMU_MAX_GFN_EXCLUSIVE)
        return WalkBound(
            with_tdp=bench.setting(switches.TDP_ENABLED),
            width=host_width(bench.session, bench.memory),
            end=end,
            evidence=bench.session.evidence(),
        )
