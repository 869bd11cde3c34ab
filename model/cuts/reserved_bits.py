"""The calls that computing reserved bits makes and that are not followed.

A result that may be anything stands for every result; what such a call writes is listed and becomes unknown.
Everything else that this code calls is lifted or refused.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_mmu

GUEST_GBPAGES = (
    Cut(
        function="guest_can_use_gbpages",
        reason="whether the guest may use 1-GByte pages, the same each time it is asked",
    ),
    Cut(
        function=functions.GUEST_CPU_CAP_HAS,
        reason="whether the guest has 1-GByte pages, the same each time it is asked",
    ),
)
"""For trees that keep no word of the guest's features in memory."""

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    Cut(
        function=functions.KVM_X86_CACHE_REG,
        reason="fetches a register of the guest into the register cache, which holds it already here",
    ),
    Cut(
        function=functions.UPDATE_PERMISSION_BITMASK,
        reason="computes permissions, which no reserved bit depends on",
        writes=((0, kvm_mmu.in_format(kvm_mmu.PERMISSIONS)),),
    ),
    Cut(
        function=functions.UPDATE_SPTE_PERMISSION_BITMASK,
        reason="computes what SPTEs permit, which no reserved bit depends on",
        writes=((0, kvm_mmu.only_in_format(kvm_mmu.PERMISSIONS)),),
    ),
    Cut(
        function=functions.UPDATE_PKRU_BITMASK,
        reason="computes what protection keys forbid, which no reserved bit depends on",
        writes=((0, kvm_mmu.in_format(kvm_mmu.PROTECTION_KEYS)),),
    ),
    Cut(
        function=functions.RESET_SHADOW_ZERO_BITS_MASK,
        reason="computes the reserved bits of SPTEs, for which it is called on its own",
        writes=(*kvm_mmu.parts(1, kvm_mmu.SPTE_TABLE),),
    ),
    Cut(
        function=functions.RESET_TDP_SHADOW_ZERO_BITS_MASK,
        reason="computes the reserved bits of SPTEs, for which it is called on its own",
        writes=(*kvm_mmu.parts(0, kvm_mmu.SPTE_TABLE),),
    ),
    Cut(
        function=functions.KVM_MMU_NEW_PGD,
        reason="finds or drops the root of the new tables; changes roots and requests, no role and no reserved bit",
    ),
    Cut(function=functions.KVM_MMU_GET_TDP_LEVEL, reason="the level of the root that KVM builds, 4 or 5"),
    Cut(
        function=functions.KVM_X86_TDP_HAS_SMEP,
        reason="whether TDP tells supervisor pages apart, which no reserved bit depends on",
    ),
)
"""For the set-up of an MMU."""

SPTE_CUTS = tuple(cut for cut in CUTS if not cut.function.startswith("reset_"))
"""For the tables of SPTEs, once the MMU is set up."""
