"""The calls that making SPTEs makes and that are not followed.

A result that may be anything stands for every result; what such a call writes is listed and becomes unknown.
Everything else that this code calls is lifted or refused.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common

GET_MT_MASK = Cut(
    function="kvm_x86_get_mt_mask",
    reason="the EPT memory type and the ignore-PAT bit, bits 6:3, any value there",
    result_mask=0x78,
)
IS_MMIO_PFN = Cut(
    function="kvm_is_mmio_pfn", reason="whether a page frame is MMIO of the host: any answer, one for one frame"
)
IS_MMIO_PFN_UNKNOWN = Cut(function="__kvm_is_mmio_pfn", reason=IS_MMIO_PFN.reason)
TRY_TO_UNSYNC = Cut(
    function="mmu_try_to_unsync_pages",
    reason="whether a page must stay write-protected: any answer; writes no SPTE and no mask that make_spte() reads",
)
MARK_DIRTY = Cut(
    function="mark_page_dirty_in_slot", reason="marks a page in the dirty log, which make_spte() does not read"
)

NOTE_MMIO = Cut(
    function="kvm_track_host_mmio_mapping", reason="notes that MMIO is mapped; make_spte() does not read the note"
)
ROOT_TO_SP = Cut(function="root_to_sp", reason="finds the root's shadow page, if there is one; reads only")
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
    function="kvm_make_all_cpus_request", reason="asks all vCPUs to leave the guest; that it is called is looked at"
)
TRACK_MMIO: tuple[Cut, ...] = (LEAVE_GUEST, *(cut for cut in common.CUTS if cut.function != LEAVE_GUEST.function))
"""For the note that MMIO of the host is mapped."""
