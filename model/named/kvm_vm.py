"""What a VM holds: the members of ``struct kvm``, of its ``struct kvm_arch``, and of its caches."""

from __future__ import annotations

ARCH = "struct kvm_arch"
CACHE = "struct kvm_mmu_memory_cache"
COUNTER = "atomic64_t"
"""Of what type the counters of a VM's statistics are."""
STRUCT = "struct kvm"

# The members of ``struct kvm_arch``.
ARCH_GFN_DIRECT_BITS = "gfn_direct_bits"
ARCH_HAS_PRIVATE_MEM = "has_private_mem"
ARCH_SHADOW_MMIO_VALUE = "shadow_mmio_value"
ARCH_TDP_MMU_ENABLED = "tdp_mmu_enabled"

# The members of ``struct kvm``.
ACTIVE_MMU_PAGES = "arch.active_mmu_pages"
CPU_DIRTY_LOG_SIZE = "arch.cpu_dirty_log_size"
DISABLED_QUIRKS = "arch.disabled_quirks"
DISABLE_NX_HUGE_PAGES = "arch.disable_nx_huge_pages"
EXTERNAL_WRITE_TRACKING_ENABLED = "arch.external_write_tracking_enabled"
FORMER_NX_HUGE_PAGES = "arch.lpage_disallowed_mmu_pages"
"""Up to 6.1, what is ``POSSIBLE_NX_HUGE_PAGES`` since."""
GFN_DIRECT_BITS = f"arch.{ARCH_GFN_DIRECT_BITS}"
HAS_MAPPED_HOST_MMIO = "arch.has_mapped_host_mmio"
HAS_PRIVATE_MEM = f"arch.{ARCH_HAS_PRIVATE_MEM}"
INDIRECT_SHADOW_PAGES = "arch.indirect_shadow_pages"
MANUAL_DIRTY_LOG_PROTECT = "manual_dirty_log_protect"
MEMSLOTS = "memslots"
MMU_INVALIDATE_IN_PROGRESS = "mmu_invalidate_in_progress"
MMU_INVALIDATE_RANGE_END = "mmu_invalidate_range_end"
MMU_INVALIDATE_RANGE_START = "mmu_invalidate_range_start"
MMU_INVALIDATE_SEQ = "mmu_invalidate_seq"
MMU_NOTIFIER = "mmu_notifier"
MMU_PAGE_HASH = "arch.mmu_page_hash"
MMU_VALID_GEN = "arch.mmu_valid_gen"
NR_MEMSLOTS_DIRTY_LOGGING_COUNTER = "nr_memslots_dirty_logging.counter"
NONCOHERENT_DMA_COUNT = "arch.noncoherent_dma_count"
POSSIBLE_NX_HUGE_PAGES = "arch.possible_nx_huge_pages"
SHADOW_MMIO_VALUE = f"arch.{ARCH_SHADOW_MMIO_VALUE}"
SHADOW_ROOT_ALLOCATED = "arch.shadow_root_allocated"
SPLIT_CACHES = tuple(f"arch.split_{each}_cache" for each in ("page_header", "shadow_page", "desc"))
"""The stocks of what splitting a huge page of the shadow MMU takes."""
TDP_MMU_ENABLED = f"arch.{ARCH_TDP_MMU_ENABLED}"
TDP_MMU_ROOTS = "arch.tdp_mmu_roots"
TDP_MMU_ROOTS_NEXT = f"{TDP_MMU_ROOTS}.next"
VM_TYPE = "arch.vm_type"

# The members of what the VM has for each MMU of tables that may become huge pages.
NX_HUGE_PAGES_LISTED = "pages"

# The members of ``struct kvm_mmu_memory_cache``.
CACHE_GFP_ZERO = "gfp_zero"
VM_LIST = "vm_list"

# All VMs.
LIST = "vm_list"
