"""The members of ``struct kvm_mmu_pages``: pages of SPTEs that are out of sync, with the way to them."""

from __future__ import annotations

STRUCT = "struct kvm_mmu_pages"

NR = "nr"
