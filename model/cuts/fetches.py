"""The calls that filling in SPTEs for a guest's page tables makes and that are not followed."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, map_rounds, roles
from mmuproof.model.named import guest_walker, kvm_mmu_page, kvm_page_fault, shadow_iterator
from mmuproof.model.walks import GpteFormat

EEXIST = -17
INIT, ADJUST, MAP, LINK = (
    Cut(function="shadow_walk_init", reason="begins the walk: at any entry", writes=((0, ""),)),
    map_rounds.ADJUST,
    map_rounds.MAP,
    map_rounds.LINK,
)
OKAY = Cut(
    function="shadow_walk_okay",
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
    function="mmu_sync_children",
    reason="synchronizes the pages below one that has not been linked, or does not: any answer",
    elsewhere=("*",),
)
VALIDATE = Cut(
    function="validate_direct_spte",
    reason="takes away a page that grants another access, and leaves the entry empty: any content",
    writes=((1, "*"),),
    elsewhere=("*",),
    watched=True,
)
HUGE = Cut(
    function="kvm_mmu_hugepage_adjust",
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
    for name in ("account_nx_huge_page", "account_huge_nx_page")
)
READ_GUEST = Cut(
    function="kvm_vcpu_read_guest_atomic",
    reason="reads guest memory, any content, or fails; the array of entries that it may fill holds anything before too",
    writes=((2, "*"),),
)
TO_CHILD = Cut(
    function="spte_to_child_sp", reason="finds the page that an entry leads to, any or none; for which is looked at"
)
GET = Cut(
    function="kvm_mmu_get_shadow_page",
    reason="finds or makes a page; what it is asked for is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT),
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
    Cut(function="kvm_mmu_is_dummy_root", reason="whether there are no tables of the guest's: any answer; reads only"),
    *common.each("asks the vCPU to do something later", "kvm_make_request", "__kvm_make_request"),
    *common.each("a tracepoint; reads only", "trace_kvm_mmu_spte_requested"),
)
