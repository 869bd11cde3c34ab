"""The calls that following single guest entries makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import mappings, stores

MAKE_SPTE, MAKE_MMIO_SPTE, READ_GUEST = stores.MAKE_SPTE, stores.MAKE_MMIO_SPTE, mappings.READ_GUEST
RESERVED_BITS = Cut(function="__is_rsvd_bits_set", reason="whether an entry has a reserved bit: any answer; reads only")
MISCONFIGURED = Cut(
    function="__is_bad_mt_xwr", reason="whether an entry of EPT is misconfigured: any answer; reads only"
)
NOTED_GFN = Cut(
    function="kvm_mmu_page_get_gfn", reason="the frame that is noted for an SPTE: any; for which is looked at"
)
NOTED_ACCESS = Cut(
    function="kvm_mmu_page_get_access",
    reason="the access that is noted for an SPTE: any; for which is looked at",
    result_mask=0xF,
)
NOTE_ACCESS, DROP = "kvm_mmu_page_set_access", "drop_spte"
SYNC: tuple[Cut, ...] = (
    *(cut for cut in stores.SHADOW),
    READ_GUEST,
    RESERVED_BITS,
    MISCONFIGURED,
    NOTED_GFN,
    NOTED_ACCESS,
    Cut(function="kvm_vcpu_gfn_to_memslot", reason="finds the memory slot of a frame; reads only"),
)
PREFETCH: tuple[Cut, ...] = (*mappings.CUTS, MISCONFIGURED)
ASKS = mappings.SETS_AN_SPTE
