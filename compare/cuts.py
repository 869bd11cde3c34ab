"""What is known of calls that are not followed when two versions of a function are compared.

Every other call that is not followed may do anything, and both versions have to make it alike.
"""

from __future__ import annotations

import re

from mmuproof.lift.machine.opaque_calls import CallResult, Opaque

_SILENT = re.compile(
    r"trace_\w+|__trace_\w+|lockdep_\w+|__might_\w+|might_\w+|__cond_resched|_printk|__dynamic_pr_debug|___ratelimit"
    r"|kvm_lockdep_\w+|instrument_\w+|kasan_\w+|kcsan_\w+|__kcsan_\w+|kmsan_\w+"
)
"""Tracing, logging and debugging: they let somebody watch and change nothing that the MMU reads."""

_PHYSICAL = (1 << 52) - 1

_ANSWERING = {
    "_static_cpu_has": CallResult("whether the host has a feature, the same for one feature"),
    "__static_cpu_has": CallResult("whether the host has a feature, the same for one feature"),
    "cpuid_eax": CallResult("a number that the host's CPUID gives, the same for one leaf"),
    "cpuid_ebx": CallResult("a number that the host's CPUID gives, the same for one leaf"),
    "native_read_msr": CallResult("what a model-specific register of the host holds, the same for one register"),
    "kvm_x86_get_mt_mask": CallResult("the EPT memory type of a frame, the same for one frame", 0x78),
    "kvm_x86_get_rflags": CallResult("the guest's RFLAGS, the same while it does not run"),
    "kvm_x86_tdp_has_smep": CallResult("whether MBEC or GMET is on for a VM, the same for one VM"),
    "kvm_is_mmio_pfn": CallResult("whether a page frame is MMIO of the host, the same for one frame"),
    "__kvm_is_mmio_pfn": CallResult("whether a page frame is MMIO of the host, the same for one frame"),
    "kvm_mmu_get_tdp_level": CallResult("the level of the root that KVM builds, the same for one vCPU"),
    "vmcs_readl": CallResult("a field of the VMCS, the same for one field"),
    "vmcs_read64": CallResult("a field of the VMCS, the same for one field"),
    "vmcs_read32": CallResult("a field of the VMCS, the same for one field"),
    "__phys_addr": CallResult("the physical address of kernel memory, the same for one place", _PHYSICAL),
    "__phys_addr_nodebug": CallResult("the physical address of kernel memory, the same for one place", _PHYSICAL),
}

_READING = frozenset(("variable_test_bit", "_test_bit", "arch_test_bit"))
_STEADY = frozenset((*_READING, "to_shadow_page"))
"""What is found there changes only if somebody changes it: no clock, no counter and no register of a device is read."""

OPAQUE = Opaque(silent=_SILENT, answering=_ANSWERING, reading=_READING, steady=_STEADY)
