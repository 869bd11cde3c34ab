"""The calls that the search for a fault's frame makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import host_kernel, kvm_page_fault, userspace

ONLY_GUEST = Cut(function="kvm_memslot_is_gmem_only", reason="whether a slot has no memory of the host's: any answer")
GUEST = Cut(
    function="kvm_mmu_faultin_pfn_gmem",
    reason="asks the guest's own memory, by fault.guest-memory; that it does is looked at",
    writes=(
        (1, kvm_page_fault.PFN),
        (1, kvm_page_fault.MAP_WRITABLE),
        (1, kvm_page_fault.REFCOUNTED_PAGE),
        (1, kvm_page_fault.MAX_LEVEL),
    ),
    elsewhere=("*", host_kernel.PAGE),
)
HOST = Cut(
    function="__kvm_faultin_pfn",
    reason="asks the host's page tables: any frame, or why there is none; for what is looked at",
    writes=((3, "*"), (4, "*")),
)
ASKS: tuple[Cut, ...] = (
    *common.CUTS,
    ONLY_GUEST,
    GUEST,
    HOST,
    *common.each("whether a fault can wait while the guest runs on: any answer", "kvm_can_do_async_pf"),
    *common.each("whether one waits for the frame already: any answer", "kvm_find_async_pf_gfn"),
    Cut(function="kvm_arch_setup_async_pf", reason="lets the fault wait, or does not: any answer", elsewhere=("*",)),
    *common.each("a tracepoint; reads only", "trace_kvm_try_async_get_page", "trace_kvm_async_pf_repeated_fault"),
    *common.each("stops the vCPU until the page is there", "kvm_make_request"),
)
TELL = Cut(
    function="kvm_mmu_prepare_memory_fault_exit",
    reason="tells userspace of a fault that it has to see to; that it does is looked at",
    elsewhere=("*", userspace.RUN),
)
HAS_MEMORY = Cut(function="kvm_slot_has_gmem", reason="whether a slot has memory of the guest's own: any answer")
GET = Cut(
    function="kvm_gmem_get_pfn",
    reason="gives the frame of the guest's own memory, any, or fails; of which is looked at",
    writes=((3, "*"), (4, "*"), (5, "*")),
)
GUEST_MEMORY: tuple[Cut, ...] = (*common.CUTS, TELL, HAS_MEMORY, GET)
