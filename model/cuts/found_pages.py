"""The calls that looking for a page of SPTEs makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_mmu_page

SYNC = Cut(
    function=functions.KVM_SYNC_PAGE,
    reason="makes the SPTEs of a page what the guest's entries are, says whether one has changed, or fails; for which "
    "page is looked at",
    writes=((1, ""),),
    elsewhere=("*", kvm_mmu_page.STRUCT),
)
FLUSH = Cut(function=functions.KVM_FLUSH_REMOTE_TLBS, reason="flushes all; that it is called is looked at")
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    SYNC,
    FLUSH,
    Cut(
        function=functions.KVM_MMU_PREPARE_ZAP_PAGE,
        reason="gives up a page that is not the one that is taken",
        writes=((1, ""),),
        elsewhere=("*", kvm_mmu_page.STRUCT),
    ),
    Cut(
        function=functions.KVM_MMU_COMMIT_ZAP_PAGE,
        reason="frees pages that nothing leads to",
        elsewhere=("*", kvm_mmu_page.STRUCT),
    ),
    *common.REQUESTS,
)
