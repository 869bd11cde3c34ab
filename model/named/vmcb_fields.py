"""The members of ``struct vmcb``, and of KVM's copies of what L1 has in one."""

from __future__ import annotations

CACHED_CONTROL = "struct vmcb_ctrl_area_cached"
CACHED_SAVE = "struct vmcb_save_area_cached"
CONTROL = "struct vmcb_control_area"
STRUCT = "struct vmcb"

# The members of ``struct vmcb_control_area``.
INTERCEPTS = "intercepts"
MISC_CTL = "misc_ctl"

# The members of ``struct vmcb``.
CONTROL_ASID = "control.asid"
CONTROL_CLEAN = "control.clean"
CONTROL_MISC_CTL = f"control.{MISC_CTL}"
CONTROL_NESTED_CR3 = "control.nested_cr3"
CONTROL_TLB_CTL = "control.tlb_ctl"
SAVE_CR0 = "save.cr0"
SAVE_CR3 = "save.cr3"
SAVE_CR4 = "save.cr4"
SAVE_EFER = "save.efer"
