"""The members of ``struct guest_walker``: what a walk of the guest's tables leaves."""

from __future__ import annotations

STRUCT = "struct guest_walker"

FAULT = "fault"
GFN = "gfn"
LEVEL = "level"
MAX_LEVEL = "max_level"
PREFETCH_PTES = "prefetch_ptes"
PTEP_USER = "ptep_user"
PTES = "ptes"
PTE_ACCESS = "pte_access"
PTE_GPA = "pte_gpa"
PTE_WRITABLE = "pte_writable"
PT_ACCESS = "pt_access"
TABLE_GFN = "table_gfn"
