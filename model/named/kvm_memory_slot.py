"""The members of ``struct kvm_memory_slot``, of the slots together, and of what each page of one has."""

from __future__ import annotations

LPAGE_INFO = "struct kvm_lpage_info"
PTE_LIST = "struct pte_list_desc"
RMAP_HEAD = "struct kvm_rmap_head"
SLOTS = "struct kvm_memslots"
STRUCT = "struct kvm_memory_slot"

# The members of ``struct kvm_lpage_info``.
DISALLOW_LPAGE = "disallow_lpage"

# The members of ``struct kvm_memory_slot``.
ARCH_LPAGE_INFO = "arch.lpage_info"
ARCH_RMAP = "arch.rmap"
AS_ID = "as_id"
BASE_GFN = "base_gfn"
FLAGS = "flags"
GFN_TRACK = "gfn_track"
"""Up to 6.1, with a count for each kind of tracking, what is ``GFN_WRITE_TRACK`` since."""
GFN_WRITE_TRACK = "gfn_write_track"
HVA_NODE = "hva_node"
"""Where the host's trees of slots hold one, for each of two lists that a slot is in."""
ID = "id"
NPAGES = "npages"
USERSPACE_ADDR = "userspace_addr"

# The members of ``struct kvm_memslots``.
GENERATION = "generation"
NODE_IDX = "node_idx"
"""Which of the two lists these slots are."""
