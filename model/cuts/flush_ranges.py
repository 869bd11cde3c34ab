"""The calls of code that flushes the frames of one entry and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, stores
from mmuproof.model.named import functions, kvm_mmu_page

RANGE = tuple(
    Cut(function=name, reason="flushes the frames that it is told, or all; which they are is looked at")
    for name in ("kvm_flush_remote_tlbs_range", functions.KVM_FLUSH_REMOTE_TLBS_WITH_ADDRESS)
)
ALL = Cut(function=functions.KVM_FLUSH_REMOTE_TLBS, reason="flushes all; that it is called is looked at")
COMMIT = Cut(
    function=functions.KVM_MMU_COMMIT_ZAP_PAGE,
    reason="flushes all, and frees pages that nothing leads to",
    elsewhere=("*",),
)
SPTE_INDEX = Cut(function="spte_index", reason="which entry of its table a pointer leads to; that is known here")
CHILD = tuple(
    Cut(function=name, reason="finds the page that an SPTE leads to: any; reads only")
    for name in (functions.SPTE_TO_CHILD_SP, functions.TO_SHADOW_PAGE)
)
DROP_PARENT = tuple(
    Cut(
        function=functions.DROP_PARENT_PTE,
        reason="takes a page table away, and leaves the entry empty: any content",
        writes=((position, "*"), (position - 1, kvm_mmu_page.PARENT_PTES)),
        elsewhere=("*",),
    )
    for position in (2, 1)
)
ZAP = Cut(
    function=functions.MMU_PAGE_ZAP_PTE,
    reason="takes away what the entry held, says how many pages are to be freed for it; what is then done is looked at",
    writes=((2, "*"), (3, "")),
    elsewhere=("*",),
)
ZAP_ALL = Cut(
    function=functions.KVM_ZAP_ALL_RMAP_SPTES,
    reason="takes away all that map a frame, in their own tables; that it is called is looked at",
    elsewhere=("*", "argument 1"),
)
_LOOKED_AT = frozenset(
    (
        *(cut.function for cut in (*RANGE, ALL, COMMIT, SPTE_INDEX, *CHILD, *DROP_PARENT, ZAP)),
        functions.KVM_FLUSH_REMOTE_TLBS_GFN,
        functions.KVM_FLUSH_REMOTE_TLBS_SPTEP,
    )
)


def _with_flushes(known: tuple[Cut, ...]) -> tuple[Cut, ...]:
    """The cuts of what stores SPTEs, but for the way to a flush, which is followed."""
    return (*(cut for cut in known if cut.function not in _LOOKED_AT), *RANGE, ALL, COMMIT)


TDP: tuple[Cut, ...] = _with_flushes(stores.TDP)
SHADOW: tuple[Cut, ...] = (
    *_with_flushes(stores.SHADOW),
    *DROP_PARENT,
    ZAP,
    ZAP_ALL,
    Cut(
        function=functions.PTE_LIST_ADD,
        reason="notes where an SPTE is, in lists of its own: any length",
        elsewhere=("*",),
    ),
    Cut(
        function=functions.KVM_MMU_PAGE_SET_TRANSLATION,
        reason="notes what of the guest's an entry maps, beside the table",
        elsewhere=("*",),
    ),
    *common.each("finds the list of what maps a frame; reads only", functions.GFN_TO_RMAP),
)
SPTEP_TO_SP = stores.SPTEP_TO_SP
