"""The calls that following single guest entries makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import mappings, stores
from mmuproof.model.named import functions

MAKE_SPTE, MAKE_MMIO_SPTE, READ_GUEST = stores.MAKE_SPTE, stores.MAKE_MMIO_SPTE, mappings.READ_GUEST
RESERVED_BITS = Cut(
    function=functions.INNER_IS_RSVD_BITS_SET, reason="whether an entry has a reserved bit: any answer; reads only"
)
MISCONFIGURED = Cut(
    function=functions.INNER_IS_BAD_MT_XWR, reason="whether an entry of EPT is misconfigured: any answer; reads only"
)
NOTED_GFN = Cut(
    function=functions.KVM_MMU_PAGE_GET_GFN, reason="the frame that is noted for an SPTE: any; for which is looked at"
)
NOTED_ACCESS = Cut(
    function=functions.KVM_MMU_PAGE_GET_ACCESS,
    reason="the access that is noted for an SPTE: any; for which is looked at",
    result_mask=0xF,
)
SLOT = Cut(
    function=functions.KVM_VCPU_GFN_TO_MEMSLOT,
    reason="finds the memory slot of a frame; of which is looked at; reads only",
)
NOTE_ACCESS, DROP = functions.KVM_MMU_PAGE_SET_ACCESS, functions.DROP_SPTE
SYNC: tuple[Cut, ...] = (
    *(cut for cut in stores.SHADOW),
    READ_GUEST,
    RESERVED_BITS,
    MISCONFIGURED,
    NOTED_GFN,
    NOTED_ACCESS,
    SLOT,
)
PREFETCH: tuple[Cut, ...] = (*mappings.CUTS, MISCONFIGURED)
ASKS = mappings.SETS_AN_SPTE
