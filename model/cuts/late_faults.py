"""The calls that code of late faults makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, roots
from mmuproof.model.named import functions, kvm_vcpu

GUEST_PGD = roots.GUEST_PGD
WAIT = Cut(
    function="kvm_setup_async_pf",
    reason="keeps the fault until its page has come, or does not; what it keeps is looked at",
    watched=True,
)
FIND_HOST_PAGE = Cut(
    function=functions.KVM_VCPU_GFN_TO_HVA, reason="where the host's process has a frame, any; for which is looked at"
)
SET_UP: tuple[Cut, ...] = (
    *common.CUTS,
    GUEST_PGD,
    WAIT,
    FIND_HOST_PAGE,
    Cut(
        function="alloc_apf_token", reason="numbers the fault, by which the guest knows it", writes=((0, kvm_vcpu.APF),)
    ),
)
"""For a fault that waits."""
HANDLE = Cut(
    function=functions.KVM_MMU_DO_PAGE_FAULT,
    reason="handles a fault; which is looked at",
    elsewhere=("*",),
    watched=True,
)
READY: tuple[Cut, ...] = (
    *common.CUTS,
    GUEST_PGD,
    HANDLE,
    Cut(
        function=functions.KVM_MMU_RELOAD,
        reason="makes a root if there is none, or fails; changes no role",
        elsewhere=("*",),
    ),
)
"""For one whose page has come."""
PAGE_OF_ROOT = roots.PAGE_OF_ROOT
ASKED = tuple(
    Cut(function=name, reason="whether the vCPU is asked to give up roots: any answer")
    for name in ("kvm_test_request", functions.VARIABLE_TEST_BIT)
)
STALE: tuple[Cut, ...] = (
    *(cut for cut in common.CUTS if cut.function != functions.VARIABLE_TEST_BIT),
    *PAGE_OF_ROOT,
    *ASKED,
    Cut(function=functions.LOCKDEP_IS_HELD, reason="whether a lock is held, for an assertion: any answer"),
)
"""For the question whether a fault is out of date."""
