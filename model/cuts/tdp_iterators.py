"""The calls of the TDP MMU's iterator that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common

CHILD = Cut(function="spte_to_child_pt", reason="finds the table that an entry leads to: any, or none; reads only")
READ = Cut(function="kvm_tdp_mmu_read_spte", reason="reads an entry: any content; of which one is looked at")
CUTS: tuple[Cut, ...] = (*common.CUTS, CHILD, READ)
