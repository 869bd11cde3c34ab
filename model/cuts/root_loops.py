"""The calls that going through the roots of the TDP MMU makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_mmu_page, list_heads

NEXT_ROOT = Cut(
    function=functions.TDP_MMU_NEXT_ROOT,
    reason="hands out the next root of the kinds that are asked for: loop.roots; which are asked for is looked at",
    elsewhere=("*",),
)
PUT_ROOT = Cut(
    function=functions.KVM_TDP_MMU_PUT_ROOT,
    reason="lets go of a reference to a root; that it is called, and when, is looked at",
    elsewhere=("*",),
)
GET_ROOT = Cut(
    function=functions.KVM_TDP_MMU_GET_ROOT,
    reason="takes a reference to a root, unless it is about to be freed: any answer",
)
WORKERS = tuple(
    Cut(
        function=name,
        reason="changes entries below a root, pages of tables and lists of such pages, and neither a root nor the list "
        "of roots; for which roots, and with what, is looked at",
        elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST),
    )
    for name in (
        functions.TDP_MMU_ZAP_LEAFS,
        functions.TDP_MMU_ZAP_ROOT,
        functions.WRPROT_GFN_RANGE,
        functions.WRITE_PROTECT_GFN,
        functions.CLEAR_DIRTY_GFN_RANGE,
        functions.CLEAR_DIRTY_PT_MASKED,
        functions.TDP_MMU_SPLIT_HUGE_PAGES_ROOT,
        functions.RECOVER_HUGE_PAGES_RANGE,
        functions.ZAP_COLLAPSIBLE_SPTE_RANGE,
    )
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    NEXT_ROOT,
    PUT_ROOT,
    GET_ROOT,
    *WORKERS,
    *common.WRITE_LOCK,
    *common.READ_LOCK,
    *common.RCU,
)
