"""Calls that all of the lifted code makes and that are not followed: the host's features, and what follows a BUG."""

from __future__ import annotations

from mmuproof.lift.cuts import Cut

CUTS: tuple[Cut, ...] = (
    Cut("_static_cpu_has", "whether the host has a feature, the same for one feature", repeatable=True),
    Cut("__static_cpu_has", "whether the host has a feature, the same for one feature", repeatable=True),
    Cut("cpuid_eax", "a number that the host's CPUID gives", repeatable=True),
    Cut("variable_test_bit", "reads one bit, which may be 0 or 1; inline assembly"),
    Cut("kvm_make_all_cpus_request", "asks the vCPUs of a VM with a bug to stop; no MMU code reads the request"),
)
