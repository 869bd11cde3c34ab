"""Where a tree keeps masks and what it knows of the host, by the names that released kernels have."""

from __future__ import annotations

HOST, WIDTH = "kvm_host", "maxphyaddr"
"""The variable of what CPUID has told, and in it the width of physical addresses."""
FORMER_WIDTH = "shadow_phys_bits"
"""A variable of its own, before there was that."""

MMIO_CACHING, AD_ENABLED = "enable_mmio_caching", "kvm_ad_enabled"
HOST_WRITABLE, MMU_WRITABLE = "shadow_host_writable_mask", "shadow_mmu_writable_mask"
PRESENT, NX, USER, EXECUTE_USER = "shadow_present_mask", "shadow_nx_mask", "shadow_user_mask", "shadow_xu_mask"
EXECUTE = ("shadow_xs_mask", "shadow_x_mask")
"""What lets the supervisor execute, or everybody where users are not told apart."""
ACCESSED, DIRTY, TRACKED = "shadow_accessed_mask", "shadow_dirty_mask", "shadow_acc_track_mask"
ENCRYPTED_VALUE, ENCRYPTED = "shadow_me_value", "shadow_me_mask"
MMIO_VALUE, MMIO, MMIO_ACCESS = "shadow_mmio_value", "shadow_mmio_mask", "shadow_mmio_access_mask"
"""What marks MMIO SPTEs; a VM that has a value of its own has it in a member of the same name."""
FOR_L1TF, LOWER_GFN = "shadow_nonpresent_or_rsvd_mask", "shadow_nonpresent_or_rsvd_lower_gfn_mask"

ALL = (
    MMIO_CACHING,
    AD_ENABLED,
    HOST_WRITABLE,
    MMU_WRITABLE,
    NX,
    USER,
    *reversed(EXECUTE),
    EXECUTE_USER,
    ACCESSED,
    DIRTY,
    MMIO_VALUE,
    MMIO,
    MMIO_ACCESS,
    PRESENT,
    ENCRYPTED_VALUE,
    ENCRYPTED,
    TRACKED,
    FOR_L1TF,
    LOWER_GFN,
)
"""Everything that the set-up writes and that outlives it, under all names that it has had."""
