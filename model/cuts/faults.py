"""The calls that telling a handler of a page fault makes and that are not followed."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, mappings
from mmuproof.model.named import functions, kvm_mmu, kvm_mmu_page, kvm_page_fault
from mmuproof.model.walks import GpteFormat

_HANDLES = "handles the fault; what it is told of it is looked at"
HANDLERS = tuple(
    Cut(function=name, reason=_HANDLES, watched=True)
    for name in (functions.KVM_TDP_PAGE_FAULT, functions.NONPAGING_PAGE_FAULT)
)
"""The handler of tables for two-dimensional paging, and one that is another."""
FIND_SLOT = (
    Cut(
        function=functions.KVM_VCPU_GFN_TO_MEMSLOT,
        reason="finds the memory slot of a frame; for which one is looked at",
    ),
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    *HANDLERS,
    *FIND_SLOT,
    Cut(function=functions.KVM_PREPARE_MEMORY_FAULT_EXIT, reason="tells userspace, after the fault has been handled"),
    *common.PRINTS,
)

TRACKED = tuple(
    Cut(
        function=name,
        reason="whether writes to a frame are tracked: any answer; of which is looked at; reads only",
        watched=True,
    )
    for name in (functions.KVM_GFN_IS_WRITE_TRACKED, functions.KVM_SLOT_PAGE_TRACK_IS_ACTIVE)
)


def _walks_with(gpte_format: GpteFormat) -> str:
    """The MMU whose role a walk of some format brings up to date in kernels in which each MMU has its walker."""
    return kvm_mmu.GUEST_MMU if gpte_format is GpteFormat.EPT else kvm_mmu.ROOT_MMU


WALKS = {
    each: Cut(
        function=f"{each.value}_walk_addr",
        reason="walks the guest's tables: any frame, rights and level, or none; walk.* says which; brings the role's "
        "CR0.WP up to date",
        writes=((0, ""), (1, f"{kvm_mmu.GUEST_WALK}.{kvm_mmu.CPU_ROLE}|{_walks_with(each)}.{kvm_mmu.CPU_ROLE}")),
        elsewhere=("*",),
    )
    for each in GpteFormat
}
FILLS = {
    each: Cut(
        function=f"{each.value}_fetch",
        reason="fills in SPTEs; what it is told of the fault is looked at",
        watched=True,
        elsewhere=("*", kvm_mmu_page.STRUCT),
    )
    for each in GpteFormat
}
_FOUND = ("pfn", "map_writable", "slot", "max_level")
SEARCHES = tuple(
    Cut(
        function=name,
        reason="looks for the host's frame of the fault: any, or none, or an error; changes no frame of the guest",
        writes=tuple((1, each) for each in _FOUND),
        elsewhere=("*",),
        watched=True,
    )
    for name in (functions.KVM_MMU_FAULTIN_PFN, functions.KVM_FAULTIN_PFN)
)
"""What looks for the host's frame of a fault, by its names over time."""
FORMER_ANSWER = Cut(
    function=functions.HANDLE_ABNORMAL_PFN, reason="whether the fault is answered already: any answer", elsewhere=("*",)
)
"""What older kernels ask after the search; later it is a part of it."""
STALE = Cut(
    function=functions.IS_PAGE_FAULT_STALE,
    reason="whether the fault is to be tried again: any answer; writes nothing of the fault",
)
GIVES = tuple(
    Cut(function=name, reason="gives the guest a fault; that it does, and which, is looked at", watched=True)
    for name in (functions.INNER_KVM_INJECT_EMULATED_PAGE_FAULT, functions.KVM_INJECT_EMULATED_PAGE_FAULT)
)
"""What gives the guest a fault, by its names over time."""
WALKED: tuple[Cut, ...] = (
    *common.CUTS,
    *GIVES,
    *WALKS.values(),
    *FILLS.values(),
    *TRACKED,
    *FIND_SLOT,
    *SEARCHES,
    FORMER_ANSWER,
    STALE,
    *(
        Cut(
            function=f"{each.value}_is_self_change_mapping",
            reason="whether the guest writes to a table of its own walk: any answer",
            writes=((3, "*"),),
        )
        for each in GpteFormat
    ),
    *common.each(
        "whether the fault is to be tried again: any answer; writes nothing of the fault",
        functions.MMU_TOPUP_MEMORY_CACHES,
        functions.MAKE_MMU_PAGES_AVAILABLE,
    ),
    *common.each(
        "counts, or gives back the host's page; writes nothing of the fault",
        functions.KVM_MMU_FINISH_PAGE_FAULT,
        functions.KVM_RELEASE_PFN_CLEAN,
        "shadow_page_table_clear_flood",
    ),
    *common.WRITE_LOCK,
)
"""For a fault of a guest whose tables are shadowed."""

PRE_FAULT = tuple(
    Cut(function=name, reason="maps a page for a fault that is made up; for which is looked at", writes=((3, "*"),))
    for name in ("kvm_tdp_page_prefault", "kvm_tdp_map_page")
)
PRE_FAULTS: tuple[Cut, ...] = (
    *common.CUTS,
    *(replace(each, elsewhere=("*", kvm_mmu_page.STRUCT, kvm_page_fault.STRUCT)) for each in PRE_FAULT),
    mappings.IS_PRIVATE,
    *common.each("makes the root that the vCPU is to use", functions.KVM_MMU_RELOAD, functions.KVM_MMU_LOAD),
)
"""For memory that is mapped ahead."""
