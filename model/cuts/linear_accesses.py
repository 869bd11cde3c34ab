"""The calls that KVM's own accesses to linear addresses make and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

GET_CPL = Cut(function="kvm_x86_get_cpl", reason="the guest's privilege level, any value")
_WALK = functions.GVA_TO_GPA
_HELPERS = ("kvm_read_guest_virt_helper", "kvm_write_guest_virt_helper")
WALKS = (_WALK, *_HELPERS)
"""The walk of the guest's page tables, and the helpers that ask it for one page after the other."""

_WALKS = "walks the guest's page tables, and may find a fault; what it is asked is the result here"

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    GET_CPL,
    Cut(function=_WALK, reason=_WALKS, writes=((4, "*"),)),
    *(Cut(function=name, reason=_WALKS, writes=((5, "*"),)) for name in _HELPERS),
    Cut(function=functions.KVM_VCPU_READ_GUEST_PAGE, reason="reads what the walk has found", writes=((2, ""),)),
    Cut(function=functions.VCPU_MATCH_MMIO_GVA, reason="whether an address is one that was MMIO before: any answer"),
    Cut(function="vcpu_is_mmio_gpa", reason="whether what the walk has found is MMIO: any answer"),
    Cut(function=functions.PERMISSION_FAULT, reason="whether the guest may access what was MMIO before: any answer"),
    Cut(function="kvm_is_cr0_bit_set", reason="whether the guest has paging on: any answer"),
    Cut(function=functions.IS_PAGING, reason="whether the guest has paging on: any answer"),
    Cut(function="trace_vcpu_match_mmio", reason="tells a tracer, which changes nothing"),
    Cut(function=functions.KVM_REQUEST_L1TF_FLUSH_L1D, reason="asks for the L1 cache to be flushed"),
)
