"""What is asked of a vCPU by its number: ``KVM_ARCH_REQ()`` of ``asm/kvm_host.h``, the same in all released kernels."""

from __future__ import annotations

HV_TLB_FLUSH = 32
MMU_SYNC = 3
LOAD_MMU_PGD = 5
MMU_FREE_OBSOLETE_ROOTS = 31
