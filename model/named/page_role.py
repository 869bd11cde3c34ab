"""The bits of roles: what ``union kvm_mmu_page_role`` tells of tables, and ``union kvm_cpu_role`` of a vCPU."""

from __future__ import annotations

OF_CPU = "union kvm_cpu_role"
UNION = "union kvm_mmu_page_role"

# The members of ``union kvm_cpu_role``.
AD_DISABLED = "ad_disabled"
CR0_WP = "cr0_wp"
CR4_PSE = "cr4_pse"
CR4_SMEP = "cr4_smep"
LEVEL = "level"
VALID = "valid"

# The members of ``union kvm_mmu_page_role``.
ACCESS = "access"
DIRECT = "direct"
GUEST_MODE = "guest_mode"
HAS_4_BYTE_GPTE = "has_4_byte_gpte"
INVALID = "invalid"
IS_MIRROR = "is_mirror"
PASSTHROUGH = "passthrough"
QUADRANT = "quadrant"
SMM = "smm"
WORD = "word"
