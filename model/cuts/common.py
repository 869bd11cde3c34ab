"""Calls that all of the lifted code makes and that are not followed: the host's features, and what follows a BUG."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut

CUTS: tuple[Cut, ...] = (
    Cut(function="_static_cpu_has", reason="whether the host has a feature, the same for one feature", repeatable=True),
    Cut(
        function="__static_cpu_has", reason="whether the host has a feature, the same for one feature", repeatable=True
    ),
    Cut(function="cpuid_eax", reason="a number that the host's CPUID gives", repeatable=True),
    Cut(function="variable_test_bit", reason="reads one bit, which may be 0 or 1; inline assembly"),
    Cut(
        function="kvm_make_all_cpus_request",
        reason="asks the vCPUs of a VM with a bug to stop; no MMU code reads the request",
    ),
)
