"""The calls that the search for a fault's frame makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, host_kernel, kvm_page_fault, userspace

ONLY_GUEST = Cut(
    function=functions.KVM_MEMSLOT_IS_GMEM_ONLY, reason="whether a slot has no memory of the host's: any answer"
)
GUEST = Cut(
    function=functions.KVM_MMU_FAULTIN_PFN_GMEM,
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
    function=functions.INNER_KVM_FAULTIN_PFN,
    reason="asks the host's page tables: any frame, or why there is none; for what is looked at",
    writes=((3, "*"), (4, "*")),
)
ASKS: tuple[Cut, ...] = (
    *common.CUTS,
    ONLY_GUEST,
    GUEST,
    HOST,
    *common.each("whether a fault can wait while the guest runs on: any answer", functions.KVM_CAN_DO_ASYNC_PF),
    *common.each("whether one waits for the frame already: any answer", functions.KVM_FIND_ASYNC_PF_GFN),
    Cut(
        function=functions.KVM_ARCH_SETUP_ASYNC_PF,
        reason="lets the fault wait, or does not: any answer",
        elsewhere=("*",),
    ),
    *common.each(
        "a tracepoint; reads only", functions.TRACE_KVM_TRY_ASYNC_GET_PAGE, functions.TRACE_KVM_ASYNC_PF_REPEATED_FAULT
    ),
    *common.each("stops the vCPU until the page is there", functions.KVM_MAKE_REQUEST),
)
TELL = Cut(
    function=functions.KVM_MMU_PREPARE_MEMORY_FAULT_EXIT,
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
