"""The members of ``struct x86_exception``: an exception that the guest is to get."""

from __future__ import annotations

STRUCT = "struct x86_exception"

ADDRESS = "address"
ASYNC_PAGE_FAULT = "async_page_fault"
ERROR_CODE = "error_code"
ERROR_CODE_VALID = "error_code_valid"
EXIT_QUALIFICATION = "exit_qualification"
NESTED_PAGE_FAULT = "nested_page_fault"
VECTOR = "vector"

TOLD = (VECTOR, ERROR_CODE_VALID, ERROR_CODE, NESTED_PAGE_FAULT, ADDRESS, ASYNC_PAGE_FAULT, EXIT_QUALIFICATION)
"""What whoever gives a fault to a guest looks at."""
