"""The calls of beginning a VM's MMU that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common

TDP = Cut(function="kvm_mmu_init_tdp_mmu", reason="begins the TDP MMU's own part; that it is called is looked at")
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    TDP,
    *common.each("makes the table by which pages are found, or fails; writes no list", "kvm_mmu_alloc_page_hash"),
    *common.each("begins a lock", "__raw_spin_lock_init"),
    *common.each("asks to be told of writes to tracked pages", "kvm_page_track_register_notifier"),
)
