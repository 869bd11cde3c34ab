"""The calls that deciding what to map makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.cuts import Cut
from mmuproof.model.cuts import common

RESERVED_BITS = Cut("__is_rsvd_bits_set", "whether an entry has a reserved bit: any answer; reads only")
MAX_LEVEL = (
    Cut("kvm_mmu_max_mapping_level", "the largest page that the host maps, any level from 0 to 3", result_mask=3),
    Cut("__kvm_mmu_max_mapping_level", "the largest page that the host maps, any level from 0 to 3", result_mask=3),
)
READ_GUEST = Cut("kvm_vcpu_read_guest_atomic", "reads guest memory, any content, or fails", writes=((2, ""),))
SYNC_MMIO = Cut("sync_mmio_spte", "renews or drops an MMIO SPTE; where it does not, the SPTE is as it was")

LEGAL_ADDRESS = Cut("kvm_vcpu_is_legal_gpa", "whether the guest can have such an address: any answer; reads only")

SETS_AN_SPTE = (
    Cut("kvm_mmu_prefetch_sptes", "maps pages with the access that it is given; what it asks is looked at"),
    Cut("mmu_set_spte", "makes an SPTE with the access that it is given; what it asks is looked at"),
    Cut("make_spte", "makes an SPTE with the access that it is given; what it asks is looked at"),
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
    Cut("kvm_vcpu_is_illegal_gpa", "whether the guest can have no such address: any answer; reads only"),
    Cut("trace_kvm_nested_vmenter_failed", "tells a tracer, which changes nothing"),
    Cut("drop_spte", "zaps an SPTE, and the access to map is not read from it"),
    Cut("gfn_to_memslot_dirty_bitmap", "finds the memory slot; reads only"),
    Cut("gfn_to_pfn_memslot_atomic", "finds the page of the host, any; writes nothing of the MMU"),
    Cut("kvm_release_pfn_clean", "gives the page back; writes nothing of the MMU"),
    Cut("kvm_mmu_page_get_gfn", "the frame that an SPTE has been made for: any"),
    Cut("kvm_mmu_page_get_access", "the access that an SPTE has been made with: any", result_mask=0xF),
    Cut("kvm_mmu_page_set_access", "notes the access for rmap; the access to map is not read from the note"),
    Cut("kvm_vcpu_gfn_to_memslot", "finds the memory slot; reads only"),
    Cut("mmu_spte_update", "writes the SPTE that has been made: any answer; after the call that is looked at"),
)
