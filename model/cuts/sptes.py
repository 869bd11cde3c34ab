"""The calls that making SPTEs makes and that are not followed.

A result that may be anything stands for every result; what such a call writes is listed and becomes unknown.
Everything else that this code calls is lifted or refused.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

GET_MT_MASK = Cut(
    function=functions.KVM_X86_GET_MT_MASK,
    reason="the EPT memory type and the ignore-PAT bit, bits 6:3, any value there",
    result_mask=0x78,
)
IS_MMIO_PFN = Cut(
    function="kvm_is_mmio_pfn", reason="whether a page frame is MMIO of the host: any answer, one for one frame"
)
IS_MMIO_PFN_UNKNOWN = Cut(function="__kvm_is_mmio_pfn", reason=IS_MMIO_PFN.reason)
TRY_TO_UNSYNC = Cut(
    function=functions.MMU_TRY_TO_UNSYNC_PAGES,
    reason="whether a page must stay write-protected: any answer; writes no SPTE and no mask that make_spte() reads",
)
MARK_DIRTY = Cut(
    function=functions.MARK_PAGE_DIRTY_IN_SLOT, reason="marks a page in the dirty log, which make_spte() does not read"
)

NOTE_MMIO = Cut(
    function="kvm_track_host_mmio_mapping", reason="notes that MMIO is mapped; make_spte() does not read the note"
)
ROOT_TO_SP = Cut(function=functions.ROOT_TO_SP, reason="finds the root's shadow page, if there is one; reads only")
MMIO_NOTED = Cut(function="kvm_vcpu_can_access_host_mmio", reason="reads a note about the root: any answer")

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    IS_MMIO_PFN,
    IS_MMIO_PFN_UNKNOWN,
    GET_MT_MASK,
    TRY_TO_UNSYNC,
    MARK_DIRTY,
    NOTE_MMIO,
    ROOT_TO_SP,
    MMIO_NOTED,
)

LEAVE_GUEST = Cut(
    function=functions.KVM_MAKE_ALL_CPUS_REQUEST,
    reason="asks all vCPUs to leave the guest; that it is called is looked at",
)
TRACK_MMIO: tuple[Cut, ...] = (LEAVE_GUEST, *(cut for cut in common.CUTS if cut.function != LEAVE_GUEST.function))
"""For the note that MMIO of the host is mapped."""
