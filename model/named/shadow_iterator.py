"""The members of ``struct kvm_shadow_walk_iterator``: where a walk of the shadow MMU's tables stands."""

from __future__ import annotations

STRUCT = "struct kvm_shadow_walk_iterator"

INDEX = "index"
LEVEL = "level"
SHADOW_ADDR = "shadow_addr"
SPTEP = "sptep"
