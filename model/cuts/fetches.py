"""The calls that filling in SPTEs for a guest's page tables makes and that are not followed."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, map_rounds, roles
from mmuproof.model.named import functions, guest_walker, kvm_mmu_page, kvm_page_fault, shadow_iterator
from mmuproof.model.walks import GpteFormat

EEXIST = -17
INIT, ADJUST, MAP, LINK = (
    Cut(function=functions.SHADOW_WALK_INIT, reason="begins the walk: at any entry", writes=((0, ""),)),
    map_rounds.ADJUST,
    map_rounds.MAP,
    map_rounds.LINK,
)
OKAY = Cut(
    function=functions.SHADOW_WALK_OKAY,
    reason="finds the entry of the walk at its level: any entry",
    writes=((0, shadow_iterator.INDEX), (0, shadow_iterator.SPTEP)),
    watched=True,
)
CHILD = replace(
    map_rounds.CHILD,
    reason=f"{map_rounds.CHILD.reason}; what it writes of pages is before, or of others",
    elsewhere=("*", kvm_mmu_page.STRUCT),
    error=EEXIST,
    watched=True,
)
CHANGED = {
    each: Cut(
        function=f"{each.value}_gpte_changed",
        reason="whether a guest entry is another than the walk has read: any answer; of which is looked at",
        writes=((1, guest_walker.PREFETCH_PTES),),
    )
    for each in GpteFormat
}
SYNC = Cut(
    function=functions.MMU_SYNC_CHILDREN,
    reason="synchronizes the pages below one that has not been linked, or does not: any answer",
    elsewhere=("*",),
)
VALIDATE = Cut(
    function=functions.VALIDATE_DIRECT_SPTE,
    reason="takes away a page that grants another access, and leaves the entry empty: any content",
    writes=((1, "*"),),
    elsewhere=("*",),
    watched=True,
)
HUGE = Cut(
    function=functions.KVM_MMU_HUGEPAGE_ADJUST,
    reason="chooses the level at which the page is to be mapped: any",
    writes=(
        (1, kvm_page_fault.GOAL_LEVEL),
        (1, kvm_page_fault.REQ_LEVEL),
        (1, kvm_page_fault.PFN),
        (1, kvm_page_fault.HUGE_PAGE_DISALLOWED),
    ),
)
NOTE, FORMER_NOTE = (
    Cut(
        function=name,
        reason="keeps the list of pages that may become huge; which come there is looked at",
        elsewhere=("*", "argument 1"),
        watched=True,
    )
    for name in (functions.ACCOUNT_NX_HUGE_PAGE, functions.ACCOUNT_HUGE_NX_PAGE)
)
READ_GUEST = Cut(
    function=functions.KVM_VCPU_READ_GUEST_ATOMIC,
    reason="reads guest memory, any content, or fails; the array of entries that it may fill holds anything before too",
    writes=((2, "*"),),
)
TO_CHILD = Cut(
    function=functions.SPTE_TO_CHILD_SP,
    reason="finds the page that an entry leads to, any or none; for which is looked at",
)
GET = Cut(
    function="kvm_mmu_get_shadow_page",
    reason="finds or makes a page; what it is asked for is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT),
)
DUMMY_ROOT = Cut(
    function=functions.KVM_MMU_IS_DUMMY_ROOT,
    reason="whether a root is the page of zeros: any answer; of which root is looked at",
)
FIND_CHILD: tuple[Cut, ...] = (*roles.CHILD, GET)
"""For the page that an entry is to lead to."""
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    INIT,
    OKAY,
    CHILD,
    LINK,
    MAP,
    ADJUST,
    HUGE,
    *CHANGED.values(),
    SYNC,
    VALIDATE,
    NOTE,
    FORMER_NOTE,
    Cut(function="clear_sp_write_flooding_count", reason="counts; writes no SPTE and no role", elsewhere=("*",)),
    *(
        Cut(function=f"{each.value}_pte_prefetch", reason="maps neighbours ahead, after the page", elsewhere=("*",))
        for each in GpteFormat
    ),
    DUMMY_ROOT,
    *common.REQUESTS,
    *common.each("a tracepoint; reads only", functions.TRACE_KVM_MMU_SPTE_REQUESTED),
)
