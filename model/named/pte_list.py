"""The members of ``struct kvm_rmap_head`` and of ``struct pte_list_desc``: a list of SPTEs."""

from __future__ import annotations

# The member of ``struct kvm_rmap_head``.
VAL = "val"

# The members of ``struct pte_list_desc``.
MORE = "more"
SPTE_COUNT = "spte_count"
SPTES = "sptes"
TAIL_COUNT = "tail_count"
