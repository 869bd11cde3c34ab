"""The members of ``struct x86_exception``: an exception that the guest is to get."""

from __future__ import annotations

STRUCT = "struct x86_exception"

ADDRESS = "address"
ERROR_CODE = "error_code"
EXIT_QUALIFICATION = "exit_qualification"
NESTED_PAGE_FAULT = "nested_page_fault"
