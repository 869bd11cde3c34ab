"""The members of ``struct kvm_async_pf``: a fault whose page comes later."""

from __future__ import annotations

STRUCT = "struct kvm_async_pf"

# The members of ``struct kvm_arch_async_pf``.
CR3 = "cr3"
DIRECT_MAP = "direct_map"
ERROR_CODE = "error_code"
GFN = "gfn"

# The members of ``struct kvm_async_pf``.
ARCH_CR3 = "arch.cr3"
ARCH_DIRECT_MAP = "arch.direct_map"
ARCH_ERROR_CODE = "arch.error_code"
ARCH_GFN = "arch.gfn"
CR2_OR_GPA = "cr2_or_gpa"
