"""The members of ``struct vmcs_config`` and ``struct vmx_capability``: what the host's VMX can do."""

from __future__ import annotations

CAPABILITY = "struct vmx_capability"
STRUCT = "struct vmcs_config"

# The members of ``struct vmcs_config``.
CPU_BASED_2ND_EXEC_CTRL = "cpu_based_2nd_exec_ctrl"
CPU_BASED_EXEC_CTRL = "cpu_based_exec_ctrl"
NESTED_EPT_CAPS = "nested.ept_caps"
NESTED_SECONDARY_CTLS_HIGH = "nested.secondary_ctls_high"

# The members of ``struct vmx_capability``.
EPT = "ept"
