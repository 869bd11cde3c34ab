"""Pages out of sync and the ways to them: members of ``struct kvm_mmu_pages`` and ``struct mmu_page_path``."""

from __future__ import annotations

STRUCT = "struct kvm_mmu_pages"
WAY = "struct mmu_page_path"

NR = "nr"
PAGES = "page"

# The members of one of those pages.
PAGE = "sp"
PAGE_INDEX = "idx"

# The members of the way.
WAY_INDEX = "idx"
WAY_PAGES = "parent"
