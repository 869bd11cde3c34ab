"""What the host's kernel has beside KVM: its pages and its description of the processor."""

from __future__ import annotations

MMU_NOTIFIER = "struct mmu_notifier"
MMU_NOTIFIER_RANGE = "struct mmu_notifier_range"
OPS_STRUCT = "struct kvm_x86_ops"
PAGE = "struct page"
IS_ZERO_PFN = "is_zero_pfn"

# The members of ``struct cpuinfo_x86``.
X86_CACHE_BITS = "x86_cache_bits"
EXTENDED_CPUID_LEVEL = "extended_cpuid_level"
"""The highest extended leaf of CPUID."""
X86_PHYS_BITS = "x86_phys_bits"

# The members of ``struct kvm_x86_ops``.
CPU_DIRTY_LOG_SIZE = "cpu_dirty_log_size"
GET_MT_MASK = "get_mt_mask"

# The members of ``struct mmu_notifier_range``.
RANGE_END = "end"
RANGE_FLAGS = "flags"
RANGE_START = "start"
PARAMETER_STRUCT = "struct kernel_param"
