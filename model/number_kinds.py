"""Kinds of numbers whose bits mean something."""

from __future__ import annotations

import enum


class NumberKind(enum.Enum):
    """What a number is whose bits mean something; the value is what a command line calls it."""

    SPTE = "spte"
    """An entry of the tables that KVM builds."""
    GUEST_ENTRY = "guest-entry"
    """An entry of the tables that a guest builds: L1's EPT or nested tables, or without either those of any guest."""
    EPT_VIOLATION = "ept-violation"
    """The exit qualification of an EPT violation."""
    EXIT_INFO_1 = "exitinfo1"
    """EXITINFO1 of a nested page fault."""
    ERROR_CODE = "error-code"
    """The error code of a page fault, as KVM hands it on."""
    ROLE = "role"
    """A ``union kvm_cpu_role``, of which a ``union kvm_mmu_page_role`` is the lower half."""
    PRIMARY_CONTROLS = "primary-controls"
    """The primary processor-based VM-execution controls."""
    SECONDARY_CONTROLS = "secondary-controls"
    """The secondary processor-based VM-execution controls."""
    TERTIARY_CONTROLS = "tertiary-controls"
    """The tertiary ones."""
