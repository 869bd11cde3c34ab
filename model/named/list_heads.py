"""Lists of the kernel, by the names of their structs and members."""

from __future__ import annotations

FIFO = "struct __kfifo"
FLUSHES = "struct kvm_vcpu_hv_tlb_flush_fifo"
HASH_LIST = "struct hlist_head"
HASH_NODE = "struct hlist_node"
LIST = "struct list_head"

FIRST = "first"

# The members of what is a list of entries, a power of two of them at most.
_OF_FLUSHES = "entries.kfifo"
FLUSHES_IN = f"{_OF_FLUSHES}.in"
FLUSHES_MASK = f"{_OF_FLUSHES}.mask"
FLUSHES_OUT = f"{_OF_FLUSHES}.out"
