"""The calls of what answers a fault that are not followed, besides those of what stores SPTEs."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.named import functions

IS_MMIO = Cut(
    function=functions.IS_MMIO_SPTE,
    reason="whether what was made is an MMIO SPTE: layout.kinds-exclusive proves it of both kinds; reads only",
)
