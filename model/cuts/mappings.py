"""The calls that deciding what to map makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common

RESERVED_BITS = Cut(function="__is_rsvd_bits_set", reason="whether an entry has a reserved bit: any answer; reads only")
MAX_LEVEL = (
    Cut(
        function="kvm_mmu_max_mapping_level",
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
    function="kvm_vcpu_read_guest_atomic", reason="reads guest memory, any content, or fails", writes=((2, ""),)
)
SYNC_MMIO = Cut(
    function="sync_mmio_spte", reason="renews or drops an MMIO SPTE; where it does not, the SPTE is as it was"
)

LEGAL_ADDRESS = Cut(
    function="kvm_vcpu_is_legal_gpa", reason="whether the guest can have such an address: any answer; reads only"
)

SETS_AN_SPTE = (
    Cut(
        function="kvm_mmu_prefetch_sptes",
        reason="maps pages with the access that it is given; what it asks is looked at",
    ),
    Cut(function="mmu_set_spte", reason="makes an SPTE with the access that it is given; what it asks is looked at"),
    Cut(function="make_spte", reason="makes an SPTE with the access that it is given; what it asks is looked at"),
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
        function="kvm_vcpu_is_illegal_gpa", reason="whether the guest can have no such address: any answer; reads only"
    ),
    Cut(function="trace_kvm_nested_vmenter_failed", reason="tells a tracer, which changes nothing"),
    Cut(function="drop_spte", reason="zaps an SPTE, and the access to map is not read from it"),
    Cut(function="gfn_to_memslot_dirty_bitmap", reason="finds the memory slot; reads only"),
    Cut(function="gfn_to_pfn_memslot_atomic", reason="finds the page of the host, any; writes nothing of the MMU"),
    Cut(function="kvm_release_pfn_clean", reason="gives the page back; writes nothing of the MMU"),
    Cut(function="kvm_mmu_page_get_gfn", reason="the frame that an SPTE has been made for: any"),
    Cut(function="kvm_mmu_page_get_access", reason="the access that an SPTE has been made with: any", result_mask=0xF),
    Cut(
        function="kvm_mmu_page_set_access",
        reason="notes the access for rmap; the access to map is not read from the note",
    ),
    Cut(function="kvm_vcpu_gfn_to_memslot", reason="finds the memory slot; reads only"),
    Cut(
        function="mmu_spte_update",
        reason="writes the SPTE that has been made: any answer; after the call that is looked at",
    ),
)

_OF_FAULT = ("pfn", "map_writable")
FAULT_IN = Cut(
    function="__kvm_mmu_faultin_pfn",
    reason="looks for the host's frame of the fault: any, or an error, or none; writes nothing else of the fault",
    writes=tuple((1, name) for name in _OF_FAULT),
    elsewhere=("*",),
)
FAULT_IN_BEFORE = Cut(
    function="__kvm_faultin_pfn", reason=FAULT_IN.reason, writes=FAULT_IN.writes, elsewhere=FAULT_IN.elsewhere
)
FRAME_OF_SLOT = Cut(
    function="__gfn_to_pfn_memslot",
    reason="the host's frame: none exactly without a memory slot, otherwise any or an error",
    writes=((3, "*"), (5, "*"), (6, "*")),
)
LOOKS_FOR_FRAME = (FAULT_IN, FAULT_IN_BEFORE)
"""What looks for the host's frame, but for what the oldest kernels call."""
IS_PRIVATE = Cut(function="kvm_mem_is_private", reason="whether a frame is private memory: any answer; reads only")
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
        "kvm_mmu_prepare_memory_fault_exit",
        "kvm_prepare_memory_fault_exit",
        "kvm_handle_signal_exit",
        "kvm_send_hwpoison_signal",
        "kvm_mmu_finish_page_fault",
        "kvm_release_faultin_page",
        "kvm_release_pfn_clean",
    ),
    Cut(function="get_current", reason="the task, which gets a signal"),
    Cut(function="kvm_vcpu_gfn_to_hva", reason="where a frame is in userspace, for a signal; reads only"),
    Cut(function="vcpu_cache_mmio_info", reason="notes the last access to MMIO, on which no mapping depends"),
    *common.each("any answer; reads only", "kvm_apicv_activated", "kvm_can_do_async_pf", "kvm_find_async_pf_gfn"),
    Cut(function="kvm_arch_setup_async_pf", reason="lets the guest wait for the page, or does not"),
    Cut(function="kvm_make_request", reason="asks the vCPU to do something later"),
    Cut(function="__kvm_make_request", reason="asks the vCPU to do something later"),
    *common.each(
        "tells a tracer, which changes nothing", "trace_kvm_try_async_get_page", "trace_kvm_async_pf_repeated_fault"
    ),
    *common.each("prints, or says whether something is to be printed", "_printk", "___ratelimit"),
)
"""For the host's frame of a fault."""
