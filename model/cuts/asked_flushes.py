"""The calls that ask a vCPU for flushes, and that serve what is asked, and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.named import functions

REQUEST = Cut(
    function=functions.KVM_MAKE_REQUEST,
    reason="asks the vCPU to do something before the guest runs; what is asked is looked at",
    watched=True,
)
TEST = Cut(function=functions.VARIABLE_TEST_BIT, reason="whether something is asked of the vCPU; inline assembly")
FLUSH_CURRENT = Cut(
    function="kvm_vcpu_flush_tlb_current", reason="flushes what is cached with the tag in use", elsewhere=("*",)
)
FLUSH_GUEST = Cut(
    function=functions.KVM_VCPU_FLUSH_TLB_GUEST,
    reason="flushes what the guest can see of translations, of the processor and of shadow pages",
    elsewhere=("*",),
)
