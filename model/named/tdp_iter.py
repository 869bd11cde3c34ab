"""The members of ``struct tdp_iter``: where a walk of the TDP MMU's tables stands."""

from __future__ import annotations

STRUCT = "struct tdp_iter"

GFN = "gfn"
GFN_BITS = "gfn_bits"
LEVEL = "level"
MIN_LEVEL = "min_level"
NEXT_LAST_LEVEL_GFN = "next_last_level_gfn"
OLD_SPTE = "old_spte"
PT_PATH = "pt_path"
ROOT_LEVEL = "root_level"
SPTEP = "sptep"
VALID = "valid"
YIELDED = "yielded"
