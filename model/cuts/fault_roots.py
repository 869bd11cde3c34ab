"""The calls on the way to the root of a fault that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import map_rounds
from mmuproof.model.named import functions

FOUND = tuple(
    Cut(function=name, reason="the page of SPTEs that is a root; of which root is looked at")
    for name in (functions.ROOT_TO_SP, functions.TO_SHADOW_PAGE)
)
_FINDS = (functions.TDP_MMU_GET_ROOT_FOR_FAULT, functions.ROOT_TO_SP, functions.TO_SHADOW_PAGE)
CUTS: tuple[Cut, ...] = tuple(cut for cut in map_rounds.TDP if cut.function not in _FINDS)
