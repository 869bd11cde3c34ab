"""The calls of ageing the SPTEs of a frame that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import NULL
from mmuproof.model.cuts import common, slot_sweeps
from mmuproof.model.named import functions

RMAP = slot_sweeps.RMAP
LOCK = Cut(
    function=functions.KVM_RMAP_LOCK_READONLY,
    reason="keeps a list from changing, and tells what it is: anything; of which, and what becomes of it, is looked at",
    writes=((0, ""),),
    elsewhere=("*",),
)
UNLOCK = Cut(
    function=functions.KVM_RMAP_UNLOCK_READONLY,
    reason="lets a list change again; which is looked at",
    writes=((0, ""),),
    elsewhere=("*",),
)
FIRST = Cut(
    function="__rmap_get_first",
    reason="the first SPTE of a list, here none, by stored.list-walk; of which list is looked at",
    elsewhere=("*",),
    gives=NULL,
)
CUTS: tuple[Cut, ...] = (*common.CUTS, RMAP, LOCK, UNLOCK, FIRST)
