"""What is asked of a vCPU by its number: ``KVM_ARCH_REQ()`` of ``asm/kvm_host.h``, the same in all released kernels."""

from __future__ import annotations

TLB_FLUSH = 0
"""The one that every architecture has: by its number alone."""
MMU_SYNC = 3
LOAD_MMU_PGD = 5
TLB_FLUSH_CURRENT = 26
TLB_FLUSH_GUEST = 27
MMU_FREE_OBSOLETE_ROOTS = 31
HV_TLB_FLUSH = 32
