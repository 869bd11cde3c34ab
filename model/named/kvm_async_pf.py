"""The members of ``struct kvm_async_pf``: a fault whose page comes later."""

from __future__ import annotations

STRUCT = "struct kvm_async_pf"

# The members of ``struct kvm_arch_async_pf``.
CR3 = "cr3"
DIRECT_MAP = "direct_map"
ERROR_CODE = "error_code"
GFN = "gfn"

# The members of ``struct kvm_async_pf``.
ARCH_CR3 = f"arch.{CR3}"
ARCH_DIRECT_MAP = f"arch.{DIRECT_MAP}"
ARCH_ERROR_CODE = f"arch.{ERROR_CODE}"
ARCH_GFN = f"arch.{GFN}"
CR2_OR_GPA = "cr2_or_gpa"
