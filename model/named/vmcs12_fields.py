"""The members of ``struct vmcs12``: what L1 asks of VMX."""

from __future__ import annotations

STRUCT = "struct vmcs12"

CPU_BASED_VM_EXEC_CONTROL = "cpu_based_vm_exec_control"
EPT_POINTER = "ept_pointer"
EPTP_LIST_ADDRESS = "eptp_list_address"
EXCEPTION_BITMAP = "exception_bitmap"
GUEST_CR0 = "guest_cr0"
GUEST_CR4 = "guest_cr4"
GUEST_IA32_EFER = "guest_ia32_efer"
GUEST_PML_INDEX = "guest_pml_index"
PAGE_FAULT_CODES = ("page_fault_error_code_mask", "page_fault_error_code_match")
PML_ADDRESS = "pml_address"
SECONDARY_VM_EXEC_CONTROL = "secondary_vm_exec_control"
VIRTUAL_PROCESSOR_ID = "virtual_processor_id"
