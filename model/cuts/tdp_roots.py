"""The calls of finding or making a root of the TDP MMU that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common

_ROOTS = ("*", "struct kvm_mmu_page", "struct list_head")
FIRST = Cut(
    function="tdp_mmu_next_root",
    reason="the next root in use, held for whoever asks: any, or none; lets the one before go, which is another",
    elsewhere=_ROOTS,
)
HOLD = Cut(
    function="kvm_tdp_mmu_get_root",
    reason="holds a root, unless it is about to go: any answer; which is looked at",
    elsewhere=_ROOTS,
)
MAKE = Cut(function="tdp_mmu_alloc_sp", reason="allocates a page of SPTEs: a new one", elsewhere=_ROOTS)
BEGIN = Cut(function="tdp_mmu_init_sp", reason="begins a page; with which role is looked at", elsewhere=_ROOTS)
COUNT = tuple(
    Cut(function=name, reason="sets how often a root is held; to what is looked at", elsewhere=_ROOTS)
    for name in ("refcount_set", "atomic_set")
)
LIST = Cut(function="list_add_rcu", reason="puts a root on the list; which is looked at", elsewhere=_ROOTS)
ADDRESS = tuple(
    Cut(function=name, reason="the physical address of a page; of which is looked at")
    for name in ("__phys_addr", "__phys_addr_nodebug")
)
TAKES: tuple[Cut, ...] = (
    *common.CUTS,
    FIRST,
    HOLD,
    MAKE,
    BEGIN,
    *COUNT,
    LIST,
    *ADDRESS,
    *common.each(
        "takes or gives back a lock",
        "_raw_spin_lock",
        "_raw_spin_unlock",
        "__raw_spin_unlock",
        "_raw_read_lock",
        "_raw_read_unlock",
        "__raw_read_unlock",
    ),
)
