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


def each(reason: str, *names: str) -> tuple[Cut, ...]:
    """Cuts that have one reason."""
    return tuple(Cut(function=name, reason=reason) for name in names)


_LOCK = "takes or gives back a lock"
WRITE_LOCK = each(_LOCK, functions.RAW_WRITE_LOCK, functions.RAW_WRITE_UNLOCK, functions.INNER_RAW_WRITE_UNLOCK)
READ_LOCK = each(_LOCK, functions.RAW_READ_LOCK, functions.RAW_READ_UNLOCK, functions.INNER_RAW_READ_UNLOCK)
SPIN_LOCK = each(_LOCK, functions.RAW_SPIN_LOCK, functions.RAW_SPIN_UNLOCK, functions.INNER_RAW_SPIN_UNLOCK)
RCU = each(_LOCK, functions.RCU_READ_LOCK, functions.RCU_READ_UNLOCK)
SRCU = each(_LOCK, functions.SRCU_READ_LOCK, functions.SRCU_READ_UNLOCK)
INTERRUPTS = each(
    "keeps interrupts away, or lets them come",
    "arch_local_irq_save",
    "arch_local_irq_restore",
    "arch_irqs_disabled",
    "arch_irqs_disabled_flags",
    "arch_local_irq_disable",
    "arch_local_irq_enable",
    "warn_bogus_irq_restore",
)
PRINTS = each("prints, or says whether something is to be printed", functions.PRINTK, functions.INNER_RATELIMIT)
REQUESTS = each("asks the vCPU to do something later", functions.KVM_MAKE_REQUEST, functions.INNER_KVM_MAKE_REQUEST)

CONFIGURE_MMU = Cut(
    function=functions.KVM_CONFIGURE_MMU, reason="sets the MMU's settings; what it is told is the result here"
)
GATING: tuple[Cut, ...] = (*CUTS, CONFIGURE_MMU, *PRINTS)
"""What the code of both vendors calls that turns MBEC and GMET on."""
