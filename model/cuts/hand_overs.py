"""The calls of functions that hand on what they are given: they are looked at, and not followed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.fault_handlers import FaultHandler
from mmuproof.model.hand_overs import HandOver
from mmuproof.model.named import (
    functions,
    guest_walker,
    kvm_memory_slot,
    kvm_mmu,
    kvm_mmu_page,
    kvm_page_fault,
    list_heads,
)

_ALL = (
    "*",
    kvm_mmu_page.STRUCT,
    kvm_memory_slot.RMAP_HEAD,
    kvm_memory_slot.LPAGE_INFO,
    kvm_page_fault.STRUCT,
    guest_walker.STRUCT,
    list_heads.LIST,
    list_heads.HASH_LIST,
    kvm_memory_slot.PTE_LIST,
)


def _to(function: str, does: str, proved_by: str) -> Cut:
    return Cut(
        function=function, reason=f"{does}, by {proved_by}; what it is given is looked at", elsewhere=_ALL, watched=True
    )


_WALKED = "walk.followed and walk.reached"
TAKERS: Mapping[HandOver, tuple[Cut, ...]] = MappingProxyType(
    {
        HandOver.NOTES_MAPPING: (_to(functions.INNER_RMAP_ADD, "notes what maps a frame", "stored.listed"),),
        HandOver.LINKS: (_to(functions.INNER_LINK_SHADOW_PAGE, "links a page of SPTEs", "stored.link"),),
        HandOver.SETS_ACCESS: (
            _to(functions.KVM_MMU_PAGE_SET_TRANSLATION, "notes a frame with rights", "stored.translation"),
        ),
        HandOver.CHANGED: (
            _to(functions.INNER_HANDLE_CHANGED_SPTE, "does what a change of an SPTE asks for", "stored.removed"),
        ),
        HandOver.GIVES_UP: (
            Cut(
                function=functions.INNER_KVM_MMU_PREPARE_ZAP_PAGE,
                reason="gives a page of SPTEs up, and counts, by role.given-up; what it is given is looked at",
                writes=((3, "*"),),
                elsewhere=_ALL,
            ),
        ),
        HandOver.WALKS_64: (_to("paging64_walk_addr_generic", "walks the guest's tables", _WALKED),),
        HandOver.WALKS_32: (_to("paging32_walk_addr_generic", "walks the guest's tables", _WALKED),),
        HandOver.WALKS_EPT: (_to("ept_walk_addr_generic", "walks L1's EPT", _WALKED),),
        HandOver.INTERCEPTED: (_to(functions.KVM_MMU_PAGE_FAULT, "handles a page fault", "fault.answered"),),
        HandOver.OF_TDP: (
            _to(FaultHandler.TDP_MMU.value, "handles a fault in the TDP MMU", "fault.mapped"),
            _to(FaultHandler.DIRECT.value, "handles a fault in the shadow MMU", "fault.mapped"),
        ),
        HandOver.RELOADS: (
            Cut(
                function=functions.KVM_MMU_FREE_OBSOLETE_ROOTS,
                reason="gives up roots that are obsolete, by role.swept-roots; that it is called is looked at",
                writes=((0, f"{kvm_mmu.ROOT_MMU}.{kvm_mmu.ROOT}"),),
                elsewhere=_ALL,
            ),
            _to(functions.KVM_MMU_LOAD, "makes roots, and has them loaded", "role.loaded-roots"),
        ),
        HandOver.WRITES: (_to(functions.KVM_PAGE_TRACK_WRITE, "tells of a write to memory", "walk.followed"),),
        HandOver.ENDS_FAULT: (
            Cut(
                function=functions.KVM_RELEASE_FAULTIN_PAGE,
                reason="gives the host's page back, dirty if it may be written; what it is given is looked at",
                elsewhere=("*",),
            ),
        ),
        HandOver.GIVES_UP_ALL: (_to(functions.KVM_MMU_ZAP_ALL, "gives all pages up", "role.swept-pages"),),
    }
)
FRAME = Cut(function=functions.KVM_MMU_PAGE_GET_GFN, reason="the frame of a guest's entry, any; of which is looked at")
REQUESTED = Cut(
    function=functions.KVM_CHECK_REQUEST,
    reason="whether something is asked of the vCPU, and takes it for done; for what is looked at",
    elsewhere=("*",),
)
WRITTEN = Cut(
    function=functions.KVM_VCPU_WRITE_GUEST,
    reason="writes to the guest's memory, or fails; that it is told of afterwards is looked at",
    elsewhere=("*",),
)
_OTHERS: Mapping[HandOver, tuple[Cut, ...]] = MappingProxyType(
    {
        HandOver.SETS_ACCESS: (FRAME,),
        HandOver.CHANGED: common.each(
            "notes what an SPTE's change asks for beside; by spte.access-tracked",
            functions.HANDLE_CHANGED_SPTE_ACC_TRACK,
            functions.HANDLE_CHANGED_SPTE_DIRTY_LOG,
        ),
        HandOver.RELOADS: (REQUESTED,),
        HandOver.WRITES: (WRITTEN,),
        HandOver.INTERCEPTED: (
            *common.each("traces", functions.TRACE_KVM_PAGE_FAULT),
            Cut(
                function="kvm_mmu_unprotect_page_virt",
                reason="lets writes to a frame through again whose tables are shadowed, by walk.unprotected",
                elsewhere=_ALL,
            ),
            *common.each("asks for a flush of the first-level cache", functions.KVM_REQUEST_L1TF_FLUSH_L1D),
            *common.each("waits for the host's own matter", "kvm_async_pf_task_wait_schedule"),
            *common.INTERRUPTS,
            *common.PRINTS,
        ),
    }
)


def cuts_of(by: HandOver) -> tuple[Cut, ...]:
    """What is not followed of a function that hands on."""
    return (*common.CUTS, *TAKERS[by], *_OTHERS.get(by, ()))
