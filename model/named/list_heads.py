"""Lists of the kernel, by the names of their structs and members."""

from __future__ import annotations

FIFO = "struct __kfifo"
HASH_LIST = "struct hlist_head"
HASH_NODE = "struct hlist_node"
LIST = "struct list_head"

FIRST = "first"
