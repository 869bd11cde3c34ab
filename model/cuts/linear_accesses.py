"""The calls that KVM's own accesses to linear addresses make and that are not followed."""

from __future__ import annotations

from mmuproof.lift.cuts import Cut
from mmuproof.model.cuts import common

GET_CPL = Cut("kvm_x86_get_cpl", "the guest's privilege level, any value")
_WALK = "gva_to_gpa"
_HELPERS = ("kvm_read_guest_virt_helper", "kvm_write_guest_virt_helper")
WALKS = (_WALK, *_HELPERS)
"""The walk of the guest's page tables, and the helpers that ask it for one page after the other."""

_WALKS = "walks the guest's page tables, and may find a fault; what it is asked is the result here"

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    GET_CPL,
    Cut(_WALK, _WALKS, writes=((4, "*"),)),
    *(Cut(name, _WALKS, writes=((5, "*"),)) for name in _HELPERS),
    Cut("kvm_vcpu_read_guest_page", "reads what the walk has found", writes=((2, ""),)),
    Cut("vcpu_match_mmio_gva", "whether an address is one that was MMIO before: any answer"),
    Cut("vcpu_is_mmio_gpa", "whether what the walk has found is MMIO: any answer"),
    Cut("permission_fault", "whether the guest may access what was MMIO before: any answer"),
    Cut("kvm_is_cr0_bit_set", "whether the guest has paging on: any answer"),
    Cut("is_paging", "whether the guest has paging on: any answer"),
    Cut("trace_vcpu_match_mmio", "tells a tracer, which changes nothing"),
    Cut("kvm_request_l1tf_flush_l1d", "asks for the L1 cache to be flushed"),
)
