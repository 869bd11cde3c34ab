"""The calls of code that flushes the frames of one entry and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, stores
from mmuproof.model.named import kvm_mmu_page

RANGE = tuple(
    Cut(function=name, reason="flushes the frames that it is told, or all; which they are is looked at")
    for name in ("kvm_flush_remote_tlbs_range", "kvm_flush_remote_tlbs_with_address")
)
ALL = Cut(function="kvm_flush_remote_tlbs", reason="flushes all; that it is called is looked at")
COMMIT = Cut(
    function="kvm_mmu_commit_zap_page", reason="flushes all, and frees pages that nothing leads to", elsewhere=("*",)
)
SPTE_INDEX = Cut(function="spte_index", reason="which entry of its table a pointer leads to; that is known here")
CHILD = tuple(
    Cut(function=name, reason="finds the page that an SPTE leads to: any; reads only")
    for name in ("spte_to_child_sp", "to_shadow_page")
)
DROP_PARENT = tuple(
    Cut(
        function="drop_parent_pte",
        reason="takes a page table away, and leaves the entry empty: any content",
        writes=((position, "*"), (position - 1, kvm_mmu_page.PARENT_PTES)),
        elsewhere=("*",),
    )
    for position in (2, 1)
)
ZAP = Cut(
    function="mmu_page_zap_pte",
    reason="takes away what the entry held, says how many pages are to be freed for it; what is then done is looked at",
    writes=((2, "*"), (3, "")),
    elsewhere=("*",),
)
ZAP_ALL = Cut(
    function="kvm_zap_all_rmap_sptes",
    reason="takes away all that map a frame, in their own tables; that it is called is looked at",
    elsewhere=("*", "argument 1"),
)
_LOOKED_AT = frozenset(
    (
        *(cut.function for cut in (*RANGE, ALL, COMMIT, SPTE_INDEX, *CHILD, *DROP_PARENT, ZAP)),
        "kvm_flush_remote_tlbs_gfn",
        "kvm_flush_remote_tlbs_sptep",
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
    Cut(function="pte_list_add", reason="notes where an SPTE is, in lists of its own: any length", elsewhere=("*",)),
    Cut(
        function="kvm_mmu_page_set_translation",
        reason="notes what of the guest's an entry maps, beside the table",
        elsewhere=("*",),
    ),
    *common.each("finds the list of what maps a frame; reads only", "gfn_to_rmap"),
)
SPTEP_TO_SP = stores.SPTEP_TO_SP
