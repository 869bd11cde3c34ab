"""The members of structs in which userspace and guests hand values to KVM."""

from __future__ import annotations

MSR = "struct msr_data"
PRE_FAULT = "struct kvm_pre_fault_memory"
RUN = "struct kvm_run"
SREGS = "struct kvm_sregs"

# The members of ``struct kvm_pre_fault_memory``.
GPA = "gpa"
SIZE = "size"

# The members of ``struct kvm_sregs``.
CR0 = "cr0"
CR4 = "cr4"
EFER = "efer"

# The members of ``struct msr_data``.
DATA = "data"
HOST_INITIATED = "host_initiated"
