"""Nested page-table entries in long-mode format (APM 15.25, formats APM 5.3).

Nested tables have the format of the host's own paging mode.  A host in PAE or 32-bit mode uses `PAE` and
`PAGING_32BIT` of `paging_layout` for them.
"""

from __future__ import annotations

from mmuproof.spec.entry_layout import EntryFormat
from mmuproof.spec.paging_layout import (
    LARGE_PAGE,
    LONG_MODE_KINDS,
    PAGE_1G,
    PDE,
    PDPTE,
    PML4E,
    PML5E,
    PTE,
    ignored,
    long_mode_common_fields,
    reserved,
)

_SOURCE = "APM 15.25, 5.3"

NPT_LONG_MODE = EntryFormat(
    name="nested paging, long-mode host",
    width=64,
    kinds=LONG_MODE_KINDS,
    fields=(
        *long_mode_common_fields(_SOURCE),
        reserved(8, 8, _SOURCE, frozenset({PML5E, PML4E})),
        ignored(8, 8, _SOURCE, frozenset({PDPTE, PDE})),
        # Whether a translation is global comes from the guest's tables only.
        ignored(8, 8, _SOURCE, frozenset({PAGE_1G, LARGE_PAGE, PTE})),
        ignored(62, 52, _SOURCE, frozenset({PAGE_1G, LARGE_PAGE, PTE})),
    ),
)
