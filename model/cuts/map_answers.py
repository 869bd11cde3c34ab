"""The calls of what answers a fault that are not followed, besides those of what stores SPTEs."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut

IS_MMIO = Cut(
    function="is_mmio_spte",
    reason="whether what was made is an MMIO SPTE: layout.kinds-exclusive proves it of both kinds; reads only",
)
