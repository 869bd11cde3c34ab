"""The members of ``struct slot_rmap_walk_iterator``: where a walk through the lists of a slot stands."""

from __future__ import annotations

SLOTS_WALK = "struct kvm_memslot_iter"
STRUCT = "struct slot_rmap_walk_iterator"

END_GFN = "end_gfn"
END_LEVEL = "end_level"
END_RMAP = "end_rmap"
GFN = "gfn"
LEVEL = "level"
RMAP = "rmap"
SLOT = "slot"
START_GFN = "start_gfn"
START_LEVEL = "start_level"
