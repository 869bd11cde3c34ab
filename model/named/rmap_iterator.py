"""The members of ``struct rmap_iterator``: where what goes through a list of SPTEs stands."""

from __future__ import annotations

STRUCT = "struct rmap_iterator"

DESC = "desc"
POS = "pos"
