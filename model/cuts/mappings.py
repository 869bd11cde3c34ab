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
