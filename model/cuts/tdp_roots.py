"""The calls of finding or making a root of the TDP MMU that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_mmu_page, list_heads

_ROOTS = ("*", kvm_mmu_page.STRUCT, list_heads.LIST)
FIRST = Cut(
    function=functions.TDP_MMU_NEXT_ROOT,
    reason="the next root in use, held for whoever asks: any, or none; lets the one before go, which is another",
    elsewhere=_ROOTS,
)
HOLD = Cut(
    function=functions.KVM_TDP_MMU_GET_ROOT,
    reason="holds a root, unless it is about to go: any answer; which is looked at",
    elsewhere=_ROOTS,
)
MAKE = Cut(function=functions.TDP_MMU_ALLOC_SP, reason="allocates a page of SPTEs: a new one", elsewhere=_ROOTS)
BEGIN = Cut(function=functions.TDP_MMU_INIT_SP, reason="begins a page; with which role is looked at", elsewhere=_ROOTS)
COUNT = tuple(
    Cut(function=name, reason="sets how often a root is held; to what is looked at", elsewhere=_ROOTS)
    for name in ("refcount_set", "atomic_set")
)
LIST = Cut(function="list_add_rcu", reason="puts a root on the list; which is looked at", elsewhere=_ROOTS)
ADDRESS = tuple(
    Cut(function=name, reason="the physical address of a page; of which is looked at")
    for name in ("__phys_addr", functions.INNER_PHYS_ADDR_NODEBUG)
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
        functions.RAW_SPIN_LOCK,
        functions.RAW_SPIN_UNLOCK,
        functions.INNER_RAW_SPIN_UNLOCK,
        functions.RAW_READ_LOCK,
        functions.RAW_READ_UNLOCK,
        functions.INNER_RAW_READ_UNLOCK,
    ),
)
