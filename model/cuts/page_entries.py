"""The calls that are not followed of what goes through the entries of a page of the shadow MMU."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.cuts.kept_roots import CHILD
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu, kvm_mmu_page, list_heads

_OTHERS = ("*", kvm_mmu_page.STRUCT, list_heads.LIST, kvm_memory_slot.RMAP_HEAD)
DROP = Cut(
    function=functions.DROP_SPTE,
    reason="clears an entry and takes it out of its reverse map; for which is looked at",
    elsewhere=_OTHERS,
)
UNLINK = tuple(
    Cut(
        function=functions.DROP_PARENT_PTE,
        reason="takes an entry from the parents of a page, and clears it; which is looked at",
        writes=((position, kvm_mmu_page.PARENT_PTES),),
        elsewhere=_OTHERS,
    )
    for position in (1, 0)
)
CLEAR = Cut(
    function=functions.MMU_SPTE_CLEAR_NO_TRACK, reason="clears an entry; for which is looked at", elsewhere=_OTHERS
)
GIVE_UP = Cut(
    function=functions.KVM_MMU_PREPARE_ZAP_PAGE,
    reason="gives a page up; that it is, and what it says is looked at",
    elsewhere=_OTHERS,
)
IS_MMIO = Cut(
    function=functions.IS_MMIO_SPTE,
    reason="whether an entry is an MMIO SPTE: layout.kinds-exclusive proves of which it is; reads only",
)
TAKE = Cut(
    function=functions.MMU_PAGE_ZAP_PTE,
    reason="takes an entry out of a page; for which, and what it says is looked at",
    elsewhere=_OTHERS,
)
CHECK = Cut(
    function="kvm_sync_page_check", reason="whether the MMU in use can synchronize a page: any answer; reads only"
)
SYNC_ENTRY = Cut(
    function=functions.KVM_SYNC_SPTE,
    reason="synchronizes an entry; which, and what it says is looked at",
    elsewhere=_OTHERS,
)
SYNC_IN_FORMAT = Cut(
    function=kvm_mmu.SYNC_SPTE,
    reason="synchronizes an entry by the format of the guest's tables; which, and what it says is looked at",
    elsewhere=_OTHERS,
)
SYNC_ALL = Cut(
    function="__kvm_sync_page",
    reason="synchronizes all entries of a page; what it says is looked at",
    elsewhere=_OTHERS,
)
TAKES: tuple[Cut, ...] = (*common.CUTS, DROP, *UNLINK, CLEAR, *CHILD, GIVE_UP, IS_MMIO)
SWEEPS: tuple[Cut, ...] = (*common.CUTS, TAKE, CHECK, SYNC_ENTRY)
SYNCS: tuple[Cut, ...] = (*common.CUTS, SYNC_IN_FORMAT)
PAGES: tuple[Cut, ...] = (*common.CUTS, SYNC_ALL, GIVE_UP)
