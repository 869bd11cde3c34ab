"""The calls of making a vCPU's MMUs that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions

PAGE = tuple(
    Cut(function=name, reason="a new page, or none")
    for name in ("alloc_pages", "alloc_pages_noprof", "alloc_page", "alloc_page_noprof")
)
ADDRESS = tuple(
    Cut(function=name, reason="where a page is in the kernel's memory; of which is looked at")
    for name in ("lowmem_page_address", "page_address")
)
LEVELS = Cut(
    function=functions.KVM_MMU_GET_TDP_LEVEL,
    reason="how many levels tables of two-dimensional paging have: any number; reads only",
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    *PAGE,
    *ADDRESS,
    LEVELS,
    *common.each("makes a page readable for the processor; writes none", "set_memory_decrypted"),
    *common.each("gives pages back", "free_mmu_pages"),
)
