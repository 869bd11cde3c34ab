"""The calls that invalidating translations makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common

WALK = Cut(
    function="__kvm_mmu_invalidate_addr",
    reason="synchronizes what a root translates an address with; for which roots and address is looked at; a loop",
    elsewhere=("*",),
)
FLUSH_ADDRESS = tuple(
    Cut(function=name, reason="lets the processor forget an address; whether it is called, and for which, is looked at")
    for name in ("kvm_x86_flush_tlb_gva", "flush_tlb_gva")
)
REQUEST = Cut(
    function="kvm_make_request",
    reason="asks the vCPU to do something before the guest runs; what is asked is looked at",
    watched=True,
)
TRANSITION: tuple[Cut, ...] = (
    *common.CUTS,
    REQUEST,
    Cut(
        function="kvm_hv_nested_transtion_tlb_flush",
        reason="asks for more flushes where Hyper-V's hypercalls have asked for some",
        elsewhere=("*",),
    ),
)
"""For the way from L1 to L2, and back."""
TEST_REQUEST = Cut(function="variable_test_bit", reason="whether something is asked of the vCPU; inline assembly")
FLUSH_CURRENT = Cut(
    function="kvm_vcpu_flush_tlb_current", reason="flushes what is cached with the tag in use", elsewhere=("*",)
)
FLUSH_GUEST = Cut(
    function="kvm_vcpu_flush_tlb_guest",
    reason="flushes what the guest can see of translations, of the processor and of shadow pages",
    elsewhere=("*",),
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    WALK,
    *FLUSH_ADDRESS,
    Cut(function="kvm_x86_cache_reg", reason="fetches a register into the register cache, which holds it already here"),
    Cut(function="kvm_register_is_available", reason="whether a register is in the register cache: it is"),
)
