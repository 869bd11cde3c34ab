"""The calls that software walks of guest page tables make and that are not followed.

A result that may be anything stands for every result; what such a call writes is listed and becomes unknown.
Everything else that this code calls is lifted or refused.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_mmu, kvm_mmu_page, kvm_vcpu

GET_RFLAGS = Cut(
    function="kvm_x86_get_rflags", reason="reads the guest's RFLAGS, any value; fills only the register cache"
)
GET_TDP_LEVEL = Cut(
    function=functions.KVM_MMU_GET_TDP_LEVEL,
    reason="the level of the root that KVM builds, which no permission depends on",
)

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    GET_RFLAGS,
    Cut(
        function=functions.KVM_X86_CACHE_REG,
        reason="fetches a register of the guest, any value, into the register cache",
        writes=((0, kvm_vcpu.CR0),),
    ),
    Cut(
        function=functions.RESET_GUEST_RSVDS_BITS_MASK,
        reason="computes the reserved bits of guest entries, which no permission depends on",
        writes=kvm_mmu.whole(1, kvm_mmu.GUEST_TABLE),
    ),
    Cut(
        function=functions.RESET_SHADOW_ZERO_BITS_MASK,
        reason="computes the reserved bits of SPTEs, which no permission depends on",
        writes=kvm_mmu.whole(1, kvm_mmu.SPTE_TABLE),
    ),
    Cut(
        function=functions.KVM_MMU_NEW_PGD,
        reason="finds or drops the root of the new tables; changes roots and requests, no role and no metadata",
        elsewhere=(kvm_mmu_page.STRUCT, "*"),
    ),
    GET_TDP_LEVEL,
)
