"""The calls of the TDP MMU's iterator that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

CHILD = Cut(
    function=functions.SPTE_TO_CHILD_PT, reason="finds the table that an entry leads to: any, or none; reads only"
)
READ = Cut(function=functions.KVM_TDP_MMU_READ_SPTE, reason="reads an entry: any content; of which one is looked at")
CUTS: tuple[Cut, ...] = (*common.CUTS, CHILD, READ)
