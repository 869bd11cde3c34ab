"""The calls that software walks of guest page tables make and that are not followed.

A result that may be anything stands for every result; what such a call writes is listed and becomes unknown.
Everything else that this code calls is lifted or refused.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import kvm_mmu, kvm_mmu_page, kvm_vcpu

GET_RFLAGS = Cut(
    function="kvm_x86_get_rflags", reason="reads the guest's RFLAGS, any value; fills only the register cache"
)
GET_TDP_LEVEL = Cut(
    function="kvm_mmu_get_tdp_level", reason="the level of the root that KVM builds, which no permission depends on"
)

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    GET_RFLAGS,
    Cut(
        function="kvm_x86_cache_reg",
        reason="fetches a register of the guest, any value, into the register cache",
        writes=((0, kvm_vcpu.CR0),),
    ),
    Cut(
        function="reset_guest_rsvds_bits_mask",
        reason="computes the reserved bits of guest entries, which no permission depends on",
        writes=kvm_mmu.whole(1, kvm_mmu.GUEST_TABLE),
    ),
    Cut(
        function="reset_shadow_zero_bits_mask",
        reason="computes the reserved bits of SPTEs, which no permission depends on",
        writes=kvm_mmu.whole(1, kvm_mmu.SPTE_TABLE),
    ),
    Cut(
        function="kvm_mmu_new_pgd",
        reason="finds or drops the root of the new tables; changes roots and requests, no role and no metadata",
        elsewhere=(kvm_mmu_page.STRUCT, "*"),
    ),
    GET_TDP_LEVEL,
)
