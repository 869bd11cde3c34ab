"""Calls that all of the lifted code makes and that are not followed: the host's features, and what follows a BUG."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.named import functions

CUTS: tuple[Cut, ...] = (
    Cut(
        function=functions.STATIC_CPU_HAS,
        reason="whether the host has a feature, the same for one feature",
        repeatable=True,
    ),
    Cut(
        function=functions.INNER_STATIC_CPU_HAS,
        reason="whether the host has a feature, the same for one feature",
        repeatable=True,
    ),
    Cut(function="cpuid_eax", reason="a number that the host's CPUID gives", repeatable=True),
    Cut(function=functions.VARIABLE_TEST_BIT, reason="reads one bit, which may be 0 or 1; inline assembly"),
    Cut(
        function=functions.KVM_MAKE_ALL_CPUS_REQUEST,
        reason="asks the vCPUs of a VM with a bug to stop; no MMU code reads the request",
    ),
)

ELSEWHERE = "belongs to another feature, and neither reads nor writes what decides about MBEC or GMET"
"""Why much of the code that turns MBEC and GMET on is not followed: other features share functions with them."""


def each(reason: str, *functions: str) -> tuple[Cut, ...]:
    """Cuts that have one reason."""
    return tuple(Cut(function=function, reason=reason) for function in functions)


CONFIGURE_MMU = Cut(function="kvm_configure_mmu", reason="sets the MMU's settings; what it is told is the result here")
GATING: tuple[Cut, ...] = (
    *CUTS,
    CONFIGURE_MMU,
    *each("prints, or says whether something is to be printed", functions.PRINTK, functions.INNER_RATELIMIT),
)
"""What the code of both vendors calls that turns MBEC and GMET on."""
