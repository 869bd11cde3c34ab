"""The members of ``struct kvm_gfn_range``: what operations on a range of a slot are told."""

from __future__ import annotations

STRUCT = "struct kvm_gfn_range"

ARG_ATTRIBUTES = "arg.attributes"
ATTR_FILTER = "attr_filter"
END = "end"
MAY_BLOCK = "may_block"
SLOT = "slot"
START = "start"
