"""The members of ``struct kvm_hv_hcall``: a hypercall of Hyper-V's."""

from __future__ import annotations

STRUCT = "struct kvm_hv_hcall"

CODE = "code"
COUNT = "rep_cnt"
FAST = "fast"
OUTPUT = "outgpa"
