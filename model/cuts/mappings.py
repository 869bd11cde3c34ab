"""The calls that deciding what to map makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

RESERVED_BITS = Cut(
    function=functions.INNER_IS_RSVD_BITS_SET, reason="whether an entry has a reserved bit: any answer; reads only"
)
MAX_LEVEL = (
    Cut(
        function=functions.KVM_MMU_MAX_MAPPING_LEVEL,
        reason="the largest page that the host maps, any level from 0 to 3",
        result_mask=3,
    ),
    Cut(
        function="__kvm_mmu_max_mapping_level",
        reason="the largest page that the host maps, any level from 0 to 3",
        result_mask=3,
    ),
)
READ_GUEST = Cut(
    function=functions.KVM_VCPU_READ_GUEST_ATOMIC, reason="reads guest memory, any content, or fails", writes=((2, ""),)
)
SYNC_MMIO = Cut(
    function="sync_mmio_spte", reason="renews or drops an MMIO SPTE; where it does not, the SPTE is as it was"
)

LEGAL_ADDRESS = Cut(
    function=functions.KVM_VCPU_IS_LEGAL_GPA,
    reason="whether the guest can have such an address: any answer; reads only",
)

SETS_AN_SPTE = (
    Cut(
        function=functions.KVM_MMU_PREFETCH_SPTES,
        reason="maps pages with the access that it is given; what it asks is looked at",
    ),
    Cut(
        function=functions.MMU_SET_SPTE,
        reason="makes an SPTE with the access that it is given; what it asks is looked at",
    ),
    Cut(
        function=functions.MAKE_SPTE, reason="makes an SPTE with the access that it is given; what it asks is looked at"
    ),
)
"""What the access is handed to."""

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    RESERVED_BITS,
    *MAX_LEVEL,
    READ_GUEST,
    SYNC_MMIO,
    *SETS_AN_SPTE,
    LEGAL_ADDRESS,
    Cut(
        function=functions.KVM_VCPU_IS_ILLEGAL_GPA,
        reason="whether the guest can have no such address: any answer; reads only",
    ),
    Cut(function=functions.TRACE_KVM_NESTED_VMENTER_FAILED, reason="tells a tracer, which changes nothing"),
    Cut(function=functions.DROP_SPTE, reason="zaps an SPTE, and the access to map is not read from it"),
    Cut(function="gfn_to_memslot_dirty_bitmap", reason="finds the memory slot; reads only"),
    Cut(function="gfn_to_pfn_memslot_atomic", reason="finds the page of the host, any; writes nothing of the MMU"),
    Cut(function=functions.KVM_RELEASE_PFN_CLEAN, reason="gives the page back; writes nothing of the MMU"),
    Cut(function=functions.KVM_MMU_PAGE_GET_GFN, reason="the frame that an SPTE has been made for: any"),
    Cut(
        function=functions.KVM_MMU_PAGE_GET_ACCESS,
        reason="the access that an SPTE has been made with: any",
        result_mask=0xF,
    ),
    Cut(
        function=functions.KVM_MMU_PAGE_SET_ACCESS,
        reason="notes the access for rmap; the access to map is not read from the note",
    ),
    Cut(function=functions.KVM_VCPU_GFN_TO_MEMSLOT, reason="finds the memory slot; reads only"),
    Cut(
        function=functions.MMU_SPTE_UPDATE,
        reason="writes the SPTE that has been made: any answer; after the call that is looked at",
    ),
)

_OF_FAULT = ("pfn", "map_writable")
FAULT_IN = Cut(
    function=functions.INNER_KVM_MMU_FAULTIN_PFN,
    reason="looks for the host's frame of the fault: any, or an error, or none; writes nothing else of the fault",
    writes=tuple((1, name) for name in _OF_FAULT),
    elsewhere=("*",),
)
FAULT_IN_BEFORE = Cut(
    function=functions.INNER_KVM_FAULTIN_PFN,
    reason=FAULT_IN.reason,
    writes=FAULT_IN.writes,
    elsewhere=FAULT_IN.elsewhere,
)
FRAME_OF_SLOT = Cut(
    function="__gfn_to_pfn_memslot",
    reason="the host's frame: none exactly without a memory slot, otherwise any or an error",
    writes=((3, "*"), (5, "*"), (6, "*")),
)
LOOKS_FOR_FRAME = (FAULT_IN, FAULT_IN_BEFORE)
"""What looks for the host's frame, but for what the oldest kernels call."""
IS_PRIVATE = Cut(
    function=functions.KVM_MEM_IS_PRIVATE, reason="whether a frame is private memory: any answer; reads only"
)
FIND_FRAME: tuple[Cut, ...] = (
    *common.CUTS,
    FAULT_IN,
    FAULT_IN_BEFORE,
    FRAME_OF_SLOT,
    IS_PRIVATE,
    Cut(
        function="mmu_invalidate_retry_gfn_unsafe",
        reason="whether the host is about to take the frame away: any answer; reads only",
    ),
    *common.each(
        "ends the fault without a mapping, for userspace or for the guest; writes nothing of the fault",
        functions.KVM_MMU_PREPARE_MEMORY_FAULT_EXIT,
        functions.KVM_PREPARE_MEMORY_FAULT_EXIT,
        "kvm_handle_signal_exit",
        "kvm_send_hwpoison_signal",
        functions.KVM_MMU_FINISH_PAGE_FAULT,
        functions.KVM_RELEASE_FAULTIN_PAGE,
        functions.KVM_RELEASE_PFN_CLEAN,
    ),
    Cut(function=functions.GET_CURRENT, reason="the task, which gets a signal"),
    Cut(function=functions.KVM_VCPU_GFN_TO_HVA, reason="where a frame is in userspace, for a signal; reads only"),
    Cut(function=functions.VCPU_CACHE_MMIO_INFO, reason="notes the last access to MMIO, on which no mapping depends"),
    *common.each(
        "any answer; reads only",
        functions.KVM_APICV_ACTIVATED,
        functions.KVM_CAN_DO_ASYNC_PF,
        functions.KVM_FIND_ASYNC_PF_GFN,
    ),
    Cut(function=functions.KVM_ARCH_SETUP_ASYNC_PF, reason="lets the guest wait for the page, or does not"),
    Cut(function=functions.KVM_MAKE_REQUEST, reason="asks the vCPU to do something later"),
    Cut(function=functions.INNER_KVM_MAKE_REQUEST, reason="asks the vCPU to do something later"),
    *common.each(
        "tells a tracer, which changes nothing",
        functions.TRACE_KVM_TRY_ASYNC_GET_PAGE,
        functions.TRACE_KVM_ASYNC_PF_REPEATED_FAULT,
    ),
    *common.PRINTS,
)
"""For the host's frame of a fault."""
